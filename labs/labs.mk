# Labs: student trees cut from this one, and the grader that is itself graded.
# docs/teaching.md says how to use and to write them.

LAB ?=
OUT ?=
.PHONY: lab labs solution grade again lab-new gradescope test-labs grade-mutants
lab:
	$(Q)tools/lab export '$(LAB)' '$(or $(OUT),build/labs/student/$(LAB))'
labs:
	$(Q)tools/lab check
solution:
	$(Q)tools/lab solution '$(LAB)'
grade:
	$(Q)tools/grade --lab '$(LAB)' $(if $(SEED),--seed $(SEED)) $(if $(CASE),--case $(CASE)) \
		$(if $(SUBMISSION),'$(SUBMISSION)')
again:
	$(Q)tools/lab again --lab '$(LAB)' --case '$(CASE)' --seed '$(or $(SEED),1)' \
		$(if $(SUBMISSION),'$(SUBMISSION)')
lab-new:
	$(Q)tools/lab new '$(NAME)'
gradescope:
	$(Q)tools/lab gradescope '$(LAB)' '$(or $(OUT),build/labs/gradescope-$(LAB).zip)'

# The grader's own grade: all of it. T= picks by name; `make test` has a sample.
test-labs: all
	$(Q)LABS=all $(PYTHON) tools/run-tests labs
grade-mutants:
	$(Q)tools/lab mutants $(if $(LAB),'$(LAB)')
