; The ways into the kernel and back: exceptions, interrupts, system calls.
;
; 1. In the kernel GS holds this CPU's struct cpu; swapgs happens once on the way in from user mode
;    and once on the way out. NMI, #DF and #MC may come in between: they look at the MSR.
; 2. From user mode a trapframe lies at the top of the thread's kernel stack (trap_user_frame).
; 3. Interrupts are off from the last look at pending work (trap_exit_to_user) until user mode.
; Path: hop 1, 13

%include "kernel/arch/asm.inc"

bits 64
default rel
section .text

extern trap_handle, trap_handle_paranoid, trap_handle_syscall, trap_exit_to_user

; The `syscall` instruction: rcx = return address, r11 = flags, rsp still the program's, interrupts
; off by SFMASK.
align 16
global syscall_entry
syscall_entry:
	swapgs
	mov	[gs:CPU_USER_STACK], rsp
	mov	rsp, [gs:CPU_KERNEL_STACK]
	push	USER_DS
	push	qword [gs:CPU_USER_STACK]
	push	r11
	push	USER_CS
	push	rcx
	push	rax
	push	TRAP_SYSCALL
	PUSH_REGS
	CLAC
	xor	ebp, ebp
	mov	rdi, rsp
	call	trap_handle_syscall
	mov	rdi, rsp
	call	trap_exit_to_user
	test	al, al
	jz	return_by_iret
	POP_REGS
	mov	rsp, [rsp + TF_RSP - TF_VECTOR]
	swapgs
	o64 sysret

; --- also: exceptions; hop 13 begins at trap_stubs, here ----------------------------------

; Stubs of 16 bytes, one a vector. The processor pushes an error code itself for some.
align 16
global trap_stubs
trap_stubs:
%assign vec 0
%rep 256
	align	16
  %if vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || vec == 29 || vec == 30
  %else
	push	byte 0
  %endif
	push	qword vec
  %if vec == 2 || vec == 8 || vec == 18
	jmp	strict near trap_entry_paranoid
  %else
	jmp	strict near trap_entry
  %endif
  %assign vec vec + 1
%endrep

align 16
trap_entry:
	PUSH_REGS
	cld
	CLAC
	test	byte [rsp + TF_CS], 3
	jz	.kernel
	swapgs
	xor	ebp, ebp		; the user's frames do not belong into our backtraces
	mov	rdi, rsp
	call	trap_handle
	jmp	return_to_user
.kernel:
	mov	rdi, rsp
	push	qword [rsp + TF_RIP]	; a frame for backtraces: they go on where we interrupted
	push	rbp
	mov	rbp, rsp
	call	trap_handle
	add	rsp, 16
	POP_REGS
	add	rsp, 16
	iretq

return_to_user:
	mov	rdi, rsp
	call	trap_exit_to_user
return_by_iret:
	POP_REGS
	add	rsp, 16
	swapgs
	iretq

trap_entry_paranoid:
	PUSH_REGS
	cld
	CLAC
	xor	ebp, ebp
	xor	ebx, ebx
	mov	ecx, MSR_GS_BASE
	rdmsr
	test	edx, edx
	js	.kernel_gs
	swapgs
	inc	ebx
.kernel_gs:
	mov	rdi, rsp
	call	trap_handle_paranoid
	test	ebx, ebx
	jz	.out
	swapgs
.out:
	POP_REGS
	add	rsp, 16
	iretq

; void trap_return_to_user(struct trapframe *tf): move *tf to the top of the stack, by way of a
; place below everything, since it may overlap the target and this stack is in use up there.
global trap_return_to_user
trap_return_to_user:
	cli
	mov	rdx, [gs:CPU_KERNEL_STACK]
	sub	rdx, TF_SIZE
	mov	rsi, rdi
	lea	rsp, [rsp - 2 * TF_SIZE]
	and	rsp, -16
	mov	rdi, rsp
	mov	ecx, TF_SIZE / 8
	rep movsq
	mov	rsi, rsp
	mov	rdi, rdx
	mov	ecx, TF_SIZE / 8
	rep movsq
	mov	rsp, rdx
	xor	ebp, ebp
	jmp	return_to_user

; --- also: threads switch and begin ------------------------------------------------------

; void arch_switch_stack(u64 *save_rsp, u64 new_rsp): the registers that a C function may not
; change, and the stack (kernel/arch/context.c lays out the same for a new thread).
global arch_switch_stack
arch_switch_stack:
	push	rbp
	push	rbx
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[rdi], rsp
	mov	rsp, rsi
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbx
	pop	rbp
	ret

; First code of a new thread: r12 = function, r13 = its argument.
global arch_thread_entry
arch_thread_entry:
	xor	ebp, ebp
	mov	rdi, r13
	sti
	call	r12
	ud2				; a thread ends in thread_exit()
