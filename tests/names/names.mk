# Random operations on names, each sequence in a machine of its own: COUNT of them from SEED on.
.PHONY: test-names
test-names: kernel user
	$(Q)$(PYTHON) tests/names/names.py --seed $(or $(SEED),1) --count $(or $(COUNT),1000)
