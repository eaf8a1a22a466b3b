/**
 * One wasm module of the guest as an object file: wasm2c turns it into C, the C is fitted to the board's memories and traps, gcc compiles it
 * freestanding. The metal image is linked from such objects; what claims something about the image's machine code (benchmarks, constant time)
 * links the very same ones into a Linux program. Neither date, nor host, nor path gets in.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface GuestObjectOptions {
  /** The folder to work in; the tools see paths relative to it. */
  work: string;
  /** Path of the result in it, without its ending: `.wasm`, `.c`, `.h` and `.o` are written. */
  base: string;
  /** What wasm2c calls the module: its exports become Z_<name>Z_<export>. */
  name: string;
  wasm: Uint8Array;
  /** Of 64 KiB. */
  pages: number;
  /** Whether the module has a memory of its own or is given one as `env.memory`. */
  memory: "own" | "given";
  /** More for gcc, behind the image's flags: measurements only. */
  flags?: readonly string[];
}

/** A program is missing, or one of them refuses its input; the message has its report. */
export class MetalBuildError extends Error {
  override name = "MetalBuildError";
}

/** No floating point, no red zone (interrupts share the stack), nothing that expects a system underneath. */
export const FREESTANDING_FLAGS = [
  ...["-std=gnu11", "-ffreestanding", "-fno-pic", "-fno-pie", "-mcmodel=small", "-mno-red-zone", "-mgeneral-regs-only"],
  ...["-fcf-protection=none", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-strict-aliasing"],
  ...["-ffunction-sections", "-fdata-sections", "-DNDEBUG"],
  // Each access is checked in code. So many calls deep, of the largest frame (352 bytes and 64 of registers), fit the board's
  // stack twice: a door's and the vault's under it.
  ...["-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0", "-DWASM_RT_USE_STACK_DEPTH_COUNT=1", "-DWASM_RT_MAX_CALL_STACK_DEPTH=48"],
];
/**
 * For size, but with each access in place, not a call. Measured: 15 % smaller than -O2 and as fast; plain -Os is another tenth smaller
 * and makes a handshake three times as slow.
 */
export const GUEST_FLAGS = ["-Os", "-ftree-pre", "-Dinline=inline __attribute__((always_inline))", "-w"];
/** Writes the object file. Throws {@link MetalBuildError}. */
export async function guestObject({
  work,
  base,
  name,
  wasm,
  pages,
  memory,
  flags = [],
}: GuestObjectOptions): Promise<void> {
  writeFileSync(join(work, `${base}.wasm`), wasm);
  const source = `${base}.c`;
  const data = memory === "given" ? "instance->Z_envZ_memory->data" : "instance->w2c_memory.data";
  const constants = [`-DMEMORY_SIZE=${pages * 65536}ull`, `-DMEMORY_DATA=${data}`];
  await tool(work, "wasm2c", [`${base}.wasm`, "-n", name, "-o", source]);
  writeFileSync(join(work, source), adapted(readFileSync(join(work, source), "utf8")));
  await tool(work, "gcc", [
    ...FREESTANDING_FLAGS,
    ...GUEST_FLAGS,
    ...constants,
    ...flags,
    "-c",
    source,
    "-o",
    `${base}.o`,
  ]);
}

/** Runs a program in the folder; throws its report. */
export async function tool(work: string, program: string, args: string[]): Promise<void> {
  try {
    await run(program, args, {
      cwd: work,
      env: { ...process.env, LC_ALL: "C", SOURCE_DATE_EPOCH: "0" },
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new MetalBuildError(`${program} ${args.at(-1)} failed:\n${stderr || message}`);
  }
}

/**
 * How the generated C is changed: what, into what, how often it is there. A trap becomes an undefined instruction, which the board takes for
 * the trap of the compartment that it is in (cpu.c): two bytes instead of a call at each of ten thousand checks. A memory's size and place
 * do not change here: the size is a constant in each check, the place is read once a function, since every store could otherwise have
 * changed it. And an access `address + offset` is checked in one comparison: address > size - width - offset.
 */
const CHANGES: [before: string, after: string, times: number][] = [
  ["#define TRAP(x) (wasm_rt_trap(WASM_RT_TRAP_##x), 0)\n", "#define TRAP(x) (__builtin_trap(), 0)\n", 1],
  ["  if (++wasm_rt_call_stack_depth", "  u8* const here = MEMORY_DATA; if (++wasm_rt_call_stack_depth", 1],
  ["> mem->size))", "> MEMORY_SIZE))", 1],
  [
    "#define MEMCHECK(mem, a, t) RANGE_CHECK(mem, a, sizeof(t))\n",
    "#define MEMCHECK(off, a, t) if (UNLIKELY(off > MEMORY_SIZE - sizeof(t) || a > (u32)(MEMORY_SIZE - sizeof(t)) - off)) TRAP(OOB);\n",
    1,
  ],
  ["(wasm_rt_memory_t* mem, u64 addr", "(u8* mem, u32 addr, u32 off", 4],
  ["MEMCHECK(mem, addr, t1);", "MEMCHECK(off, addr, t1);", 4],
  ["&mem->data[addr]", "&mem[(u64)addr + off]", 2],
  ["static inline void memory_fill", "static void memory_fill", 1],
];
/** A load or store that this misses has an argument less than its function and does not compile. */
const ACCESS = /\b(i\d\d_(?:load|store)\w*)\(&?instance->\w+, \(u64\)\((\w+)\)(?: \+ (\d+)u?)?(?=[,)])/g;

function adapted(source: string): string {
  const changed = CHANGES.reduce((text, [before, after, times]) => {
    if (text.split(before).length !== times + 1)
      throw new MetalBuildError("wasm2c writes another C than wabt 1.0.32's");
    return text.replaceAll(before, () => after);
  }, source);
  return changed.replace(ACCESS, (_, name, address, offset = "0") => `${name}(here, ${address}, ${offset}u`);
}
