# Sourced by tools/test and tools/demo: finds a Python, makes or reuses .venv, and goes to the repository's root.
# Sets `python` to the environment's interpreter. What it says goes to standard error.

unset CDPATH
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The reason why an interpreter does not do goes to standard error; the code must also parse under old Pythons.
probe='
import sys
version = "%d.%d" % sys.version_info[:2]
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("Python " + version)
import importlib.util
if importlib.util.find_spec("venv") is None:
    sys.exit("Python %s without the module venv (Debian, Ubuntu: apt install python%s-venv)" % (version, version))
if importlib.util.find_spec("ensurepip") is None and importlib.util.find_spec("pip") is None:
    sys.exit("Python %s without ensurepip and pip (Debian, Ubuntu: apt install python%s-venv)" % (version, version))
'

find_python() {
  local candidate output reasons="" candidates=(python3.13 python3.12 python3.11 python3 python)
  if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
  fi
  for candidate in "${candidates[@]}"; do
    if ! command -v "$candidate" >/dev/null 2>&1; then
      reasons+="  $candidate: not found"$'\n'
    elif output=$("$candidate" -c "$probe" 2>&1); then
      echo "$candidate"
      return
    else
      reasons+="  $candidate: ${output##*$'\n'}"$'\n'
    fi
  done
  echo "Expected Python 3.11, 3.12 or 3.13 with venv and pip; set PYTHON to the path of one. Received:" >&2
  printf '%s' "$reasons" >&2
  return 1
}

base_python=$(find_python) || exit 1
"$base_python" "$root/tools/_environment.py" "$root" || exit
python=$root/.venv/bin/python
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
cd "$root"
