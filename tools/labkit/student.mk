# The lab in this tree: what a student calls.

##   make grade        the public tests; SEED= CASE= repeat one; again: in gdb
##   make check-lab    format and warnings of your files; handin: the archive

.PHONY: grade again check-lab handin
grade: export LAB :=
grade:
	$(Q)tools/grade $(if $(SEED),--seed $(SEED)) $(if $(CASE),--case $(CASE)) \
		$(if $(JSON),--json $(JSON))
again:
	$(Q)tools/lab again --case '$(CASE)' --seed '$(or $(SEED),1)'
check-lab:
	$(Q)tools/lab check-files
handin:
	$(Q)tools/lab handin
