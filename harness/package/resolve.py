# Resolves as pip does, where some of what is needed has no wheel: what a source distribution needs
# is read from the metadata that it carries, in place of asking its build. Prints pip's report;
# installs and unpacks nothing. Stands behind `guard.py`.
import email
import os
import re
import resource
import sys
import tarfile
import zipfile

# An archive that unfolds without end stops this process and not the machine.
for limit, most in (
    (resource.RLIMIT_AS, 8 << 30),
    (resource.RLIMIT_CPU, 900),
    (resource.RLIMIT_FSIZE, 8 << 30),
):
    _, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (most if hard < 0 else min(most, hard), hard))

from pip._internal import cache
from pip._internal.cli.main import main
from pip._internal.distributions.sdist import SourceDistribution
from pip._internal.exceptions import InstallationError
from pip._internal.operations import prepare
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

LARGEST = 4 << 20
MOST_FILES = 100_000
MOST_BYTES = 2 << 30


def place(name):
    """Under which name a member is kept: two files are, as they stand in every distribution."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if len(parts) == 2 and parts[1] == "PKG-INFO":
        return "PKG-INFO"
    if len(parts) == 4 and parts[1] == "src":
        del parts[1]
    if len(parts) == 3 and parts[1].endswith(".egg-info") and parts[2] == "requires.txt":
        return "requires.txt"
    return None


def members(file):
    """Name, size and how to open each regular file."""
    if file.endswith(".zip"):
        with zipfile.ZipFile(file) as archive:
            for one in archive.infolist():
                yield one.filename, one.file_size, lambda: archive.open(one)
    else:
        with tarfile.open(file) as archive:
            for one in archive:
                yield one.name, one.size, lambda: archive.extractfile(one) if one.isfile() else None


def unpack(file, location, _content_type=None):
    os.makedirs(location, exist_ok=True)
    files = total = 0
    for name, size, read in members(file):
        files, total = files + 1, total + size
        if files > MOST_FILES or total > MOST_BYTES:
            raise InstallationError("%s is too large" % os.path.basename(file))
        kept = place(name)
        content = read() if kept else None
        if content is None or os.path.exists(os.path.join(location, kept)):
            continue
        with content, open(os.path.join(location, kept), "wb") as to:
            to.write(content.read(LARGEST))


def needed(text):
    """The fields that say what setuptools' `requires.txt` says: sections are extras, markers, or
    both with a colon between."""
    extra = marker = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            if extra:
                yield "Provides-Extra: " + extra
        elif line and not line.startswith("#"):
            only = ["(%s)" % marker] if marker else []
            only += ['extra == "%s"' % extra] if extra else []
            yield "Requires-Dist: " + line + ("; " + " and ".join(only) if only else "")


def text_of(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def describe(self, *_args, **_options):
    """Stands where pip would execute a build to be told the metadata."""
    folder = self.req.source_dir
    head = text_of(folder, "PKG-INFO").replace("\r\n", "\n").lstrip("\n").partition("\n\n")[0]
    fields = email.message_from_string(head)
    try:
        name = canonicalize_name(re.fullmatch(r"[\w.-]+", fields["Name"], re.ASCII).group())
        stem = "%s-%s" % (name.replace("-", "_"), Version(fields["Version"]))
    except (AttributeError, TypeError, ValueError):
        raise InstallationError("the source of %s does not say what it is" % self.req)
    lines = [head.rstrip("\n")]
    if not fields.get_all("Requires-Dist"):
        lines += needed(text_of(folder, "requires.txt"))
    info = os.path.join(folder, stem + ".dist-info")
    os.mkdir(info)
    with open(os.path.join(info, "METADATA"), "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, "", ""]))
    self.req.metadata_directory = info


for owner, name, ours in (
    (prepare, "unpack_file", unpack),
    (SourceDistribution, "prepare_distribution_metadata", describe),
    # What somebody built on this machine, some time ago.
    (cache.WheelCache, "get_cache_entry", lambda *_args, **_options: None),
):
    if not hasattr(owner, name):
        sys.exit("this pip cannot be held back from building: it has no " + name)
    setattr(owner, name, ours)

sys.exit(main(["install", "--dry-run", "--ignore-installed", "--report", "-", *sys.argv[1:]]))
