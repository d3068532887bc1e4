# Stands before whatever uses pip to resolve or install: pip comes from the folder that is named
# first, and no program is executed by this process, whoever asks for it and by whatever way. pip
# would build what a package's metadata names at an address of its own, without being asked.
import os
import shutil
import sys
from importlib.machinery import PathFinder

STARTS = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.")
FOLDER = sys.argv.pop(1)
# The user's own, which pip may be set to ask for passwords.
KEYRING = shutil.which("keyring")


def refuse(event, args):
    if event.startswith(STARTS) and not (KEYRING and event == "subprocess.Popen" and args[0] == KEYRING):
        raise PermissionError("turncoat executes nothing to install packages")


# It cannot be taken away again.
sys.addaudithook(refuse)


class Pip:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [FOLDER], target) if name == "pip" else None


sys.meta_path.insert(0, Pip)
