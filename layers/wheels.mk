# Wheels for the Lambda that will run them, chosen by architecture and Python, whatever builds here.
# Set in the environment: `sam build` hands no template parameters to make. PYTHON_VERSION=host and
# ARCHITECTURE=host build for this machine's own Python.
ARCHITECTURE ?= arm64
PYTHON_VERSION ?= 3.13

platform.arm64 := aarch64-manylinux_2_28
platform.x86_64 := x86_64-manylinux_2_28
target := $(if $(filter host,$(ARCHITECTURE)),,--python-platform $(platform.$(ARCHITECTURE)) --python-version $(PYTHON_VERSION))

# uv reads each wheel's markers for the target. Without one on the PATH each layer installs its own,
# since `sam build` makes the layers at the same time.
UV ?= $(shell command -v uv 2>/dev/null)
private := $(ARTIFACTS_DIR).uv

# Tests, stubs and headers are never imported: without them the two layers fit Lambda's 250 MB.
define wheels
$(if $(UV),,python3 -m venv "$(private)")
$(if $(UV),,"$(private)/bin/pip" install --quiet --requirement ../../requirements/uv.txt)
"$(or $(UV),$(private)/bin/uv)" pip install --quiet --only-binary :all: $(target) --no-compile-bytecode \
	--target "$(ARTIFACTS_DIR)/python" --requirement requirements.txt
rm -rf "$(private)" "$(ARTIFACTS_DIR)/python/bin" "$(ARTIFACTS_DIR)/python/.lock"
find "$(ARTIFACTS_DIR)/python" -type d \( -name tests -o -name __pycache__ -o -name include \) -prune -exec rm -rf {} +
find "$(ARTIFACTS_DIR)/python" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' \) -delete
endef
