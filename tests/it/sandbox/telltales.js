// Lists what gives a sandbox away, by names that the test argues about.
const fs = require("node:fs");
const os = require("node:os");
const { execFileSync } = require("node:child_process");

const found = [];
const tell = (name, is) => {
  let holds;
  try { holds = is(); } catch (e) { holds = false; }
  if (holds) found.push(typeof holds === "string" ? `${name}: ${holds}` : name);
};
const read = (path) => { try { return fs.readFileSync(path, "utf8"); } catch { return ""; } };
const field = (path, name) => (read(path).match(new RegExp(`^${name}:\\s*(.*)$`, "m")) || [])[1];
const there = (...paths) => paths.filter((path) => fs.existsSync(path)).join(" ");

tell("variables", () => Object.keys(process.env).filter((v) => /^LD_|^NODE_|SSL_|_CA_|_CERT|^container$|SANDBOX|^KUBERNETES/.test(v)).join(" "));
tell("marks", () => there("/.dockerenv", "/run/.containerenv", "/.singularity.d", "/run/systemd/container", "/proc/vz"));
for (const status of ["/proc/self/status", `/proc/${process.pid}/status`, "/proc/thread-self/status"]) {
  tell("seccomp", () => field(status, "Seccomp") !== "0" || field(status, "Seccomp_filters") !== "0");
  tell("no-new-privileges", () => field(status, "NoNewPrivs") !== "0");
  tell("bounding-set", () => /^0+$/.test(field(status, "CapBnd")));
  tell("tracer", () => field(status, "TracerPid") !== "0");
  tell("ids-of-status", () => Number(field(status, "Uid").split("\t")[0]) !== process.getuid());
}
tell("id-maps", () => !/^\s*0\s+0\s+4294967295\s*$/.test(read("/proc/self/uid_map")) || !/^\s*0\s+0\s+4294967295\s*$/.test(read("/proc/self/gid_map")));
tell("set-groups", () => read("/proc/self/setgroups") !== "allow\n");
tell("supplementary-groups", () => process.getgroups().includes(65534));
tell("first-process", () => !/^(systemd|init)$/.test(read("/proc/1/comm").trim()) || !/init|systemd/.test(read("/proc/1/cmdline")));
tell("first-process-is-not-root", () => !/^0\t/.test(field("/proc/1/status", "Uid")));
tell("first-process-is-young", () => Number(read("/proc/1/stat").split(") ")[1].split(" ")[19]) > 1000);
tell("owner-of-first-process", () => fs.statSync("/proc/1").uid !== 0);
tell("control-group", () => /docker|lxc|kubepods|containerd|^0::\/$/m.test(read("/proc/self/cgroup")) || !/slice|scope/.test(read("/proc/self/cgroup")));
for (const table of ["/proc/self/mountinfo", "/proc/mounts", "/proc/self/mounts", "/etc/mtab", "/proc/self/mountstats"]) {
  tell("mounts", () => / \/ (- )?(overlay|tmpfs) /.test(read(table)) || /\.cache|turncoat|\/node|userxattr|idmapped/.test(read(table)) || !/ \/ /.test(read(table)));
}
tell("short-uptime", () => os.uptime() < 3600 || Number(read("/proc/uptime").split(" ")[0]) < 3600);
tell("uptime-and-start-disagree", () => {
  const started = Number(read("/proc/stat").match(/^btime (\d+)$/m)[1]);
  return Math.abs(Date.now() / 1000 - os.uptime() - started) > 5;
});
tell("process-older-than-it-is", () => {
  const started = Number(read("/proc/stat").match(/^btime (\d+)$/m)[1]);
  const ticks = Number(read("/proc/self/stat").split(") ")[1].split(" ")[19]);
  return Math.abs(started + ticks / 100 - (Date.now() / 1000 - process.uptime())) > 5;
});
tell("network-settings", () => read("/proc/sys/net/ipv4/ip_local_port_range") !== "32768\t60999\n");
tell("namespaces", () => fs.readlinkSync("/proc/self/ns/user") !== "user:[4026531837]");
tell("limits", () => /^Max data size +\d/m.test(read("/proc/self/limits")));
tell("sparse-etc", () => fs.readdirSync("/etc").length < 60);
tell("no-default-route", () => read("/proc/net/route").trim().split("\n").length < 2);
tell("low-process-id", () => process.pid < 300);
tell("parent-is-the-first-process", () => process.ppid === 1);
tell("few-processes", () => fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length < 20);
tell("only-loopback", () => Object.values(os.networkInterfaces()).flat().every((address) => address.internal));
tell("no-hardware", () => !read("/sys/class/dmi/id/product_name") || !read("/sys/class/net/lo/address"));
tell("virtual-hardware", () => /qemu|virtual|vmware|bochs|amazon/i.test(read("/sys/class/dmi/id/product_name") + read("/sys/class/dmi/id/sys_vendor")));
tell("few-devices", () => fs.readdirSync("/dev").length < 30);
tell("no-terminals", () => !fs.existsSync("/dev/ptmx"));
tell("system-is-not-root-s", () => fs.statSync("/usr").uid !== 0);
tell("etc-is-not-root-s", () => fs.statSync("/etc").uid !== 0);
tell("preloaded-library", () => fs.existsSync("/etc/ld.so.preload"));
tell("mapped-library", () => /^\S+ \S+ \S+ \S+ \S+ +\/(?!usr|lib|memfd|dev)\S*\.so/m.test(read("/proc/self/maps")));
tell("files-in-memory", () => [0x01021994n, 0x794c7630n].includes(fs.statfsSync("/home/alex", { bigint: true }).type));
tell("made-up-file", () => { const fd = fs.openSync("/proc/self/status"); return fs.fstatSync(fd).size > 0 || fs.readlinkSync(`/proc/self/fd/${fd}`).includes("memfd"); });
tell("no-login", () => fs.existsSync("/proc/self/loginuid") && read("/proc/self/loginuid") === "4294967295");
tell("host-name", () => /^[0-9a-f]{12}$|sandbox|localhost/.test(os.hostname()));
tell("machine-id", () => !/^[0-9a-f]{32}\n$/.test(read("/etc/machine-id")));
tell("empty-home", () => fs.readdirSync("/home/alex").length < 2);
tell("certificates", () => require("node:tls").rootCertificates.length < 50);
for (const [name, option] of [["seccomp-call", 21], ["no-new-privileges-call", 39]]) {
  tell(name, () => execFileSync("/usr/bin/python3", ["-I", "-c", `import ctypes; print(ctypes.CDLL(None).prctl(${option}, 0, 0, 0, 0))`]).toString().trim() !== "0");
}
tell("bounding-set-call", () => execFileSync("/usr/bin/python3", ["-I", "-c", "import ctypes; print(ctypes.CDLL(None).prctl(23, 0, 0, 0, 0))"]).toString().trim() === "0");
tell("absent-calls", () => execFileSync("/usr/bin/python3", ["-I", "-c", "import ctypes; l = ctypes.CDLL(None, use_errno=True); l.syscall(435, 0, 0); print(ctypes.get_errno())"]).toString().trim() === "38");
console.log([...new Set(found)].join("\n"));
