/* Commit one kind of fault: the kernel must kill this program, and nothing else. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void segv(void)
{
	volatile uintptr_t nowhere = 8;

	*(volatile int *)nowhere = 1;
}

static void ill(void)
{
	__asm__ volatile("ud2");
}

static void divide(void)
{
	volatile int zero = 0;

	printf("%d\n", 1000 / zero);
}

static void exec_stack(void)
{
	/* volatile, or the compiler sees that nothing reads the array. */
	volatile unsigned char code[16] = {0xc3};

	((void (*)(void))(uintptr_t)code)();
}

static void write_text(void)
{
	*(volatile unsigned char *)(uintptr_t)segv = 0xc3;
}

static void kernel_read(void)
{
	printf("%d\n", *(volatile int *)0xffffffff80100000);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*commit)(void);
	} faults[] = {
		{"segv", segv},
		{"ill", ill},
		{"div", divide},
		{"exec_stack", exec_stack},
		{"write_text", write_text},
		{"kernel_read", kernel_read},
	};

	for (size_t i = 0; argc == 2 && i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(argv[1], faults[i].name) == 0)
			faults[i].commit();
	fprintf(stderr, "usage: fault KIND, or the fault did not kill\n");
	return 1;
}
