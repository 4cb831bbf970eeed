; From the boot loader to 64-bit C.
;
; The loader leaves us in 32-bit protected mode without paging, with eax = its magic and ebx = the
; physical address of its information (Multiboot 0.6.96 §3.2). We check the processor, map the first
; GiB at 0 and at KERNEL_BASE, enter long mode and call kernel_main(magic, info_pa).
;
; The header has the address fields (flag 16): QEMU's -kernel refuses a 64-bit ELF that lacks them,
; GRUB follows them too. They name one piece of the file that goes to 1 MiB (linker.ld, point 1).
; Also there: the boot loader starts the kernel here

extern kernel_main, boot_tsc
extern __data_end, __bss_end

%define PHYS(x) ((x) + 0x80000000)	; minus KERNEL_BASE, modulo 2^64

MB_MAGIC	equ 0x1badb002
MB_FLAGS	equ 0x00010003		; page-align modules, memory map, address fields
PAGE_PW		equ 0x003
PAGE_PS		equ 0x080
COM1		equ 0x3f8

section .boot progbits alloc exec nowrite align=4096
bits 32

mb_header:
	dd MB_MAGIC
	dd MB_FLAGS
	dd -(MB_MAGIC + MB_FLAGS)
	dd mb_header			; header_addr
	dd mb_header			; load_addr
	dd PHYS(__data_end)		; load_end_addr
	dd PHYS(__bss_end)		; bss_end_addr
	dd boot_start			; entry_addr

global boot_start
boot_start:
	mov	esi, eax
	rdtsc
	mov	[PHYS(boot_tsc)], eax
	mov	[PHYS(boot_tsc) + 4], edx
	cli
	cld
	mov	esp, PHYS(boot_stack_top)
	mov	ebp, ebx			; cpuid writes ebx
	call	check_cpu
	call	map_memory

	mov	eax, cr4
	or	eax, 1 << 5			; PAE
	mov	cr4, eax
	mov	eax, PHYS(boot_pml4)
	mov	cr3, eax
	mov	ecx, 0xc0000080			; EFER
	rdmsr
	or	eax, (1 << 8) | (1 << 11)	; LME, NXE
	wrmsr
	mov	eax, cr0
	or	eax, (1 << 31) | (1 << 16)	; PG, WP
	mov	cr0, eax
	lgdt	[boot_gdt_ptr]
	jmp	8:long_mode

; Long mode and no-execute pages, or a line and the end.
check_cpu:
	pushfd
	pop	eax
	mov	ecx, eax
	xor	eax, 1 << 21			; ID: can it be changed?
	push	eax
	popfd
	pushfd
	pop	eax
	cmp	eax, ecx
	je	.fail
	mov	eax, 0x80000000
	cpuid
	cmp	eax, 0x80000001
	jb	.fail
	mov	eax, 0x80000001
	cpuid
	and	edx, (1 << 29) | (1 << 20)	; LM, NX
	cmp	edx, (1 << 29) | (1 << 20)
	jne	.fail
	ret
.fail:
	mov	esi, msg_cpu

; Print the line at esi on the serial port and the screen, and stop. No stack is needed.
die:
	mov	edi, 0xb8000
	xor	ebx, ebx
.next:
	mov	bl, [esi]
	test	bl, bl
	jz	.halt
	mov	bh, 0x4f			; white on red
	mov	[edi], bx
	add	edi, 2
	inc	esi
	mov	ecx, 100000			; a missing port never gets ready
.wait:
	mov	dx, COM1 + 5
	in	al, dx
	test	al, 0x20
	loopz	.wait
	mov	dx, COM1
	mov	al, bl
	out	dx, al
	jmp	.next
.halt:
	cli
	hlt
	jmp	.halt

; The same tables serve both places: slots 0 and 511 of the top level, 0 and 510 of the next.
map_memory:
	mov	eax, PHYS(boot_pdpt) + PAGE_PW
	mov	[PHYS(boot_pml4)], eax
	mov	[PHYS(boot_pml4) + 511 * 8], eax
	mov	eax, PHYS(boot_pd) + PAGE_PW
	mov	[PHYS(boot_pdpt)], eax
	mov	[PHYS(boot_pdpt) + 510 * 8], eax
	mov	eax, PAGE_PW | PAGE_PS
	mov	edi, PHYS(boot_pd)
	mov	ecx, 512
.next:
	mov	[edi], eax
	add	eax, 0x200000
	add	edi, 8
	loop	.next
	ret

bits 64
long_mode:
	mov	eax, 16
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	mov	edi, esi			; magic
	mov	esi, ebp			; info
	xor	ebp, ebp			; ends backtraces
	mov	rsp, boot_stack_top
	mov	rax, kernel_main
	call	rax				; never returns
	ud2

align 8
boot_gdt:
	dq 0
	dq 0x00af9a000000ffff			; 64-bit code
	dq 0x00cf92000000ffff			; data
boot_gdt_ptr:
	dw $ - boot_gdt - 1
	dd boot_gdt

msg_cpu:
	db "Ringlet: this processor has no 64-bit mode with no-execute pages", 13, 10, 0

section .bss
align 4096
boot_pml4:	resb 4096
boot_pdpt:	resb 4096
boot_pd:	resb 4096
boot_stack:	resb 16384
global boot_stack_top
boot_stack_top:
