; The program of test_usermode.c, position-independent. Its system calls are the test's own:
; 1 report rdi rsi rdx r10 r8 r9, 2 come back by IRET, 3 end.

bits 64
section .rodata
global user_code_start, user_code_end, user_code_fault, user_code_after_fault

user_code_start:
	mov	rbx, 0x1111
	mov	rbp, 0x2222
	mov	r12, 0x3333
	mov	r13, 0x4444
	mov	r14, 0x5555
	mov	r15, 0x6666
	movq	xmm3, r15
	mov	eax, 1			; SYSRET keeps what a call must keep
	syscall
	mov	rdi, rbx
	mov	rsi, rbp
	mov	rdx, r12
	mov	r10, r13
	mov	r8, r14
	mov	r9, r15
	mov	eax, 1
	syscall
	mov	edi, eax		; its result
	xor	esi, esi
	mov	rcx, 0x7777
	mov	r11, 0x8888
	mov	eax, 2			; IRET may set all registers: rcx too
	syscall
	mov	rsi, rcx
	movq	rdx, xmm3
	mov	eax, 1
	syscall
	int3
user_code_fault:
	mov	rax, [abs qword 0x123456789]
user_code_after_fault:
	mov	ecx, 30000000		; long enough for ticks and other threads
.spin:
	dec	ecx
	jnz	.spin
	movq	rdi, xmm3
	mov	eax, 3
	syscall
	ud2
user_code_end:
