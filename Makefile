# Everything that one does with the checkout. A bare machine needs Python 3.11 or newer, Node 20 or newer and make.
#
#   make run [ARGS="--once | --empty | --port N"]    the whole system on this machine
#   make test                                        every check and every test
#   make bench [CHDB=python]                         events per second, freshness, what an hour and a busy account cost
#   make deploy STAGE=dev                            to AWS, into the account of the current credentials
#   make clean                                       removes the state and the environments

PYTHON ?= python3
STAGE ?= dev
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.ready
EMULATOR := .venv-emulator/.ready
DELIVER := functions/deliver/node_modules/.ready
CDK := node_modules/.ready
UV := $(BIN)/uv --quiet --no-progress

export UV_LINK_MODE ?= copy

# What cannot be fetched is said in one line; what the tool said is in the log.
FETCH_LOG := .fetch.log
fetched = >>$(FETCH_LOG) 2>&1 || { echo "make: could not fetch $(1): check the network or the index's settings (pip, npm) and run again; details in $(FETCH_LOG)" >&2; exit 1; }

.DELETE_ON_ERROR:
.PHONY: run setup test lint bench deploy lock clean

run: $(DEV) $(EMULATOR) $(DELIVER)
	@exec $(BIN)/python -m personas.local.cli up $(ARGS)

setup: $(DEV) $(EMULATOR) $(DELIVER) $(CDK)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup lint
	npm test --silent --prefix functions/deliver
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(DEV) $(EMULATOR) $(DELIVER)
	$(BIN)/python bench/compute.py
	$(BIN)/python bench/batch.py $(if $(CHDB),--chdb-python $(CHDB))
	$(BIN)/python bench/backfill.py
	$(BIN)/python bench/identity.py
	$(BIN)/python bench/pipeline.py $(ARGS)
	$(BIN)/python bench/recompute.py
	$(BIN)/python bench/accounts.py
	$(BIN)/python bench/preview.py

deploy: setup
	$(BIN)/python -m infra.build
	npx cdk deploy -c stage=$(STAGE) --require-approval never

# Locks what requirements/*.in ask for; the files are the same for every Python that is supported.
lock: $(DEV)
	for name in dev runtime archive batch emulator; do \
	    case $$name in runtime|archive|batch) with="--constraints requirements/dev.lock" ;; *) with="" ;; esac; \
	    $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	        --no-emit-index-url --no-emit-find-links $$with requirements/$$name.in -o requirements/$$name.lock || exit 1; \
	done

clean:
	rm -rf .personas $(VENV) .venv-emulator node_modules functions/deliver/node_modules .build cdk.out $(FETCH_LOG)

# uv comes by pip, at the locked version and hash; the rest by uv, or by pip where only pip knows the index.
# $(1): the environment's python, $(2): the lock
locked = { $(UV) pip sync --python $(1) --require-hashes $(2) || \
    $(BIN)/python -m pip --python $(1) install --quiet --require-hashes -r $(2); }

$(DEV): requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "make: Python 3.11 or newer is needed: install it, or name it with PYTHON=python3.13" >&2; exit 1; }
	@echo "Setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p;}' requirements/dev.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt $(call fetched,uv)
	@$(call locked,$(BIN)/python,requirements/dev.lock) $(call fetched,the Python packages)
	@echo "$(CURDIR)/layers/personas/python" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/personas.pth"
	@printf '#!%s\nimport sys\n\nfrom personas.local.cli import main\n\nsys.exit(main())\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/personas
	@chmod +x $(BIN)/personas
	@touch $@

$(EMULATOR): requirements/emulator.lock $(DEV)
	@echo "Setting up .venv-emulator"
	@$(PYTHON) -m venv --without-pip .venv-emulator
	@$(call locked,.venv-emulator/bin/python,requirements/emulator.lock) $(call fetched,the emulator)
	@touch $@

$(DELIVER): functions/deliver/package-lock.json
	@$(call node_is_there)
	@echo "Setting up functions/deliver"
	@npm ci --prefix functions/deliver --no-audit --no-fund --loglevel=error $(call fetched,the packages of functions/deliver)
	@touch $@

$(CDK): package-lock.json
	@$(call node_is_there)
	@echo "Setting up the CDK command line"
	@npm ci --no-audit --no-fund --loglevel=error $(call fetched,the CDK command line)
	@touch $@

define node_is_there
node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null || \
    { echo "make: Node 20 or newer is needed: install it (nodejs.org) and run again" >&2; exit 1; }
endef
