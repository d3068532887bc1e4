# Asks a Python index about one project, through pip's own session: the user's indexes,
# proxies, certificates and credentials apply. Prints JSON; installs and builds nothing.
import json
import sys
import urllib.parse

from pip._internal.commands import create_command
from pip._internal.utils.misc import redact_auth_from_url
from pip._vendor.packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

JSON = "application/vnd.pypi.simple.v1+json"
name = sys.argv[1]
command = create_command("download")
options, _ = command.parse_args([name])


def version_of(filename):
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except Exception:
        return None


def main():
    session = command.get_default_session(options)
    releases, failures, found = {}, [], False
    for index in [options.index_url, *options.extra_index_urls]:
        url = index.rstrip("/") + "/" + canonicalize_name(name) + "/"
        try:
            answer = session.get(url, headers={"Accept": JSON + ", text/html;q=0.1"})
        except Exception as error:
            failures.append("%s: %s" % (redact_auth_from_url(url), error))
            continue
        if answer.status_code == 404:
            continue
        if answer.status_code != 200 or "json" not in answer.headers.get("Content-Type", ""):
            failures.append("%s: status %d, no PEP 691 JSON" % (redact_auth_from_url(url), answer.status_code))
            continue
        found = True
        for file in answer.json().get("files", []):
            version = version_of(file["filename"])
            if version is None:
                continue
            release = releases.setdefault(
                version,
                {
                    "version": str(version),
                    "published": None,
                    "requires_python": None,
                    "wheels": {},
                    "sdist": None,
                    "yanked": True,
                    "prerelease": version.is_prerelease,
                },
            )
            release["yanked"] = release["yanked"] and bool(file.get("yanked"))
            release["requires_python"] = release["requires_python"] or file.get("requires-python")
            date = file.get("upload-time")
            release["published"] = max(filter(None, [release["published"], date]), default=None)
            if file["filename"].endswith(".whl"):
                release["wheels"][file["filename"]] = file.get("hashes", {}).get("sha256")
            elif file["filename"].endswith(".tar.gz"):
                release["sdist"] = {
                    "filename": file["filename"],
                    "url": urllib.parse.urljoin(url, file["url"]),
                    "sha256": file.get("hashes", {}).get("sha256"),
                }
    newest = sorted(releases, reverse=True)
    json.dump({"found": found, "failures": failures, "releases": [releases[v] for v in newest[:2000]]}, sys.stdout)


with command.main_context():
    main()
