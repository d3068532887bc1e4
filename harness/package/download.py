# Fetches one file of a Python index through pip's own session: the user's proxies, certificates
# and credentials apply. Bounded; unpacks and builds nothing.
import sys

from pip._internal.commands import create_command
from pip._internal.network.utils import response_chunks

MOST = 512 << 20
url, to = sys.argv[1:]
command = create_command("download")
options, _ = command.parse_args(["x"])


def main():
    session = command.get_default_session(options)
    answer = session.get(url, headers={"Accept-Encoding": "identity"}, stream=True)
    answer.raise_for_status()
    left = MOST
    with open(to, "wb") as file:
        for chunk in response_chunks(answer, 1 << 16):
            left -= len(chunk)
            if left < 0:
                sys.exit("more than %d bytes" % MOST)
            file.write(chunk)


with command.main_context():
    main()
