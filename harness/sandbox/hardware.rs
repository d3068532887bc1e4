//! The little of /sys that programs look at: which machine it is and how many processors there are. Made up but for what /proc tells of the host anyway.

use std::fs;
use std::io;
use std::path::Path;

/// Folders of an ordinary /sys that hold nothing here.
const FOLDERS: &[&str] = &[
    "block",
    "bus",
    "dev",
    "firmware",
    "fs/cgroup",
    "kernel/mm",
    "module",
    "power",
];

/// The machine that the persona's host name promises (dmi_sysfs).
const MACHINE: &[(&str, &str)] = &[
    ("bios_vendor", "LENOVO"),
    ("board_name", "21CBCTO1WW"),
    ("board_vendor", "LENOVO"),
    ("chassis_type", "10"),
    ("chassis_vendor", "LENOVO"),
    ("product_family", "ThinkPad X1 Carbon Gen 10"),
    ("product_name", "21CBCTO1WW"),
    ("product_version", "ThinkPad X1 Carbon Gen 10"),
    ("sys_vendor", "LENOVO"),
];

/// The one link inside. A network card would be believed, and whatever a server sent through it by
/// name would be lost unseen.
const LOOPBACK: &[(&str, &str)] = &[
    ("address", "00:00:00:00:00:00"),
    ("mtu", "65536"),
    ("operstate", "unknown"),
    ("type", "772"),
];

/// As the host has them: runtimes count processors by them, and must count as they do outside.
const FROM_HOST: &[&str] = &[
    "devices/system/cpu/online",
    "devices/system/cpu/possible",
    "devices/system/cpu/present",
    "devices/system/node/online",
    "kernel/mm/transparent_hugepage/enabled",
];

/// Writes the files below `sys`, which must exist.
pub fn build(sys: &Path) -> io::Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(sys.join(folder))?;
    }
    for (name, text) in MACHINE {
        write(&sys.join("class/dmi/id").join(name), text)?;
    }
    for (name, text) in LOOPBACK {
        write(&sys.join("class/net/lo").join(name), text)?;
    }
    for name in FROM_HOST {
        if let Ok(text) = fs::read_to_string(Path::new("/sys").join(name)) {
            write(&sys.join(name), text.trim_end())?;
        }
    }
    Ok(())
}

fn write(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, format!("{line}\n"))
}
