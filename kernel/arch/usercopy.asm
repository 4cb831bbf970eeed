; Copies between kernel and user memory (kernel/arch/usercopy.h).
;
; Whole words first: software emulation runs `rep` one element at a time. A fault in a word is
; tried again by bytes, so that the count of what was not copied is exact.
; Also there: the bare copies

%include "kernel/arch/asm.inc"

bits 64
default rel
section .text

%macro USER_FUNCTION 3			; name, instruction by words, instruction by bytes
align 16
global %1
%1:
	STAC
	mov	rcx, rdx
	shr	rcx, 3
	and	edx, 7
.words:
	rep %2
	mov	ecx, edx
.bytes:
	rep %3
.out:
	CLAC
	mov	rax, rcx
	ret
.words_fault:
	lea	rcx, [rdx + rcx * 8]
	jmp	.bytes
	EXTABLE	.words, .words_fault
	EXTABLE	.bytes, .out
%endmacro

; size_t arch_copy_user(void *dst, const void *src, size_t n)
	USER_FUNCTION arch_copy_user, movsq, movsb

; size_t arch_gather_user(void *dst, const u64 *ptrs, size_t n, size_t size)
; rax counts objects, rcx bytes of one.
align 16
global arch_gather_user
arch_gather_user:
	mov	r8, rcx
	xor	eax, eax
	STAC
.next:
	cmp	rax, rdx
	je	.out
	mov	r9, [rsi + rax * 8]
	xor	ecx, ecx
.load:
	mov	r10, [r9 + rcx]
	mov	[rdi + rcx], r10
	add	rcx, 8
	cmp	rcx, r8
	jb	.load
	add	rdi, r8
	inc	rax
	jmp	.next
.out:
	CLAC
	ret
	EXTABLE	.load, .out

; size_t arch_clear_user(void *dst, size_t n)
align 16
global arch_clear_user
arch_clear_user:
	mov	rdx, rsi
	xor	eax, eax
	jmp	clear_words
	USER_FUNCTION clear_words, stosq, stosb

; ssize_t arch_strncpy_user(char *dst, const char *src, size_t size)
align 16
global arch_strncpy_user
arch_strncpy_user:
	STAC
	xor	eax, eax
.next:
	cmp	rax, rdx
	je	.out
.load:
	mov	cl, [rsi + rax]
.store:
	mov	[rdi + rax], cl
	test	cl, cl
	jz	.out
	inc	rax
	jmp	.next
.out:
	CLAC
	ret
.fault:
	CLAC
	mov	rax, -14		; -EFAULT
	ret
	EXTABLE	.load, .fault
	EXTABLE	.store, .fault
