/*
 * void sl_fiber_swap(void **save_sp, void *load_sp): System V x86-64. Callee-saved integer
 * registers go to the old stack; MXCSR and the x87 control word are never changed by this program
 * and stay as they are.
 */
#if defined(__x86_64__)
	.text
	.globl	sl_fiber_swap
	.hidden	sl_fiber_swap
	.type	sl_fiber_swap, @function
sl_fiber_swap:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size	sl_fiber_swap, .-sl_fiber_swap
#endif
	.section .note.GNU-stack, "", %progbits
