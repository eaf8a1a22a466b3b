/*
 * entry.S: what C cannot say. The PVH entry point (32-bit, paging off, ebx = start info; Xen's "x86/HVM direct boot ABI"), the way into
 * 64-bit mode, the change to the final page tables, the guards' save and return, and the interrupt and exception entries.
 */
#define LAPIC_EOI 0xfee000b0

    .section .note.pvh, "a", @note
    .align 4
    .long 4, 4, 18                      /* name "Xen", XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long entry

    .section .text.entry, "ax"
    .code32
    .globl entry
entry:
    cld
    /* Identity map of the first GiB in 2 MiB pages; memory.c replaces it. */
    movl $boot_pdpt + 3, boot_pml4
    movl $boot_pd + 3, boot_pdpt
    movl $boot_pd, %edi
    movl $0x83, %eax                    /* present, writable, large */
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    cmpl $boot_pd + 4096, %edi
    jne 1b
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0x20, %eax                    /* CR4: PAE */
    movl %eax, %cr4
    movl $0xc0000080, %ecx              /* EFER: long mode, no-execute */
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl $0x80010001, %eax              /* CR0: paging, write-protect, protected mode; no caching is disabled */
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $8, $2f
    .code64
2:  xorl %eax, %eax
    movl %eax, %ds; movl %eax, %es; movl %eax, %ss; movl %eax, %fs; movl %eax, %gs
    movl $boot_stack_top, %esp
    movl %ebx, %edi
    call boot
    ud2

/* void leap(uint64_t tables, uint64_t stack, void (*go)(void)): goes on with other page tables and an empty stack. */
    .globl leap
leap:
    movq %rdi, %cr3
    movq %rsi, %rsp
    xorl %ebp, %ebp
    call *%rdx
    ud2

/* int guard_save(struct guard *): keeps what a function must preserve; returns 0. */
    .globl guard_save
guard_save:
    movq %rbx, 0(%rdi);   movq %rbp, 8(%rdi);   movq %r12, 16(%rdi)
    movq %r13, 24(%rdi);  movq %r14, 32(%rdi);  movq %r15, 40(%rdi)
    leaq 8(%rsp), %rax;   movq %rax, 48(%rdi)
    movq (%rsp), %rax;    movq %rax, 56(%rdi)
    xorl %eax, %eax
    ret

/* void guard_return(struct guard *): guard_save returns once more, with 1. */
    .globl guard_return
guard_return:
    cld
    movq 0(%rdi), %rbx;   movq 8(%rdi), %rbp;   movq 16(%rdi), %r12
    movq 24(%rdi), %r13;  movq 32(%rdi), %r14;  movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    movl $1, %eax
    jmp *56(%rdi)

/*
 * Exceptions 0 to 31, 16 bytes each: an error code where the processor gives none (Intel SDM 3A, table 6-1), the number, and on to C,
 * which does not come back.
 */
    .balign 16
    .globl exception_entries
exception_entries:
    .set number, 0
    .rept 32
    .balign 16
    .if !(0x60227d00 >> number & 1)
    pushq $0
    .endif
    pushq $number
    jmp exception_common
    .set number, number + 1
    .endr
exception_common:
    cld
    movq %rsp, %rdi
    call exception
    ud2

/* Interrupts only wake: they end `hlt`, nothing else. */
    .globl interrupt_wake, interrupt_spurious
interrupt_wake:
    pushq %rax
    movl $LAPIC_EOI, %eax
    movl $0, (%rax)
    popq %rax
interrupt_spurious:
    iretq

    .section .rodata.entry, "a"
boot_gdt:
    .quad 0, 0x00af9b000000ffff
boot_gdt_pointer:
    .word 15
    .long boot_gdt

    .section .bss.boot, "aw", @nobits
    .align 4096
boot_pml4:  .skip 4096
boot_pdpt:  .skip 4096
boot_pd:    .skip 4096
boot_stack: .skip 4096
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
