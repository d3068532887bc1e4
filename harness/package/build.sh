# Builds a wheel without looking anywhere, and installs it over what was read of the folder.
# What pip says of the machine to an index is left out: it starts programs to find that out.
pip() {
    python -c '
import sys
from pip._internal.cli.main import main
from pip._internal.network import session
session.user_agent = lambda: "pip"
sys.exit(main(sys.argv[1:]))
' "$@" --no-input --quiet --disable-pip-version-check --no-cache-dir --no-index --no-deps
}
# What lines are edited with is loaded by tools that never do, and looks for the user's settings.
export INPUTRC=/dev/null
made=/tmp/pip-wheel-of-server
pip wheel --no-build-isolation --wheel-dir $made . &&
    pip install --ignore-installed --no-compile --no-warn-script-location $made/*.whl
status=$?
python -c "import shutil; shutil.rmtree('$made', True)"
exit $status
