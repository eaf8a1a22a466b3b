/** What the board offers a door as module "board" (AssemblyScript names an import's module after the file that declares it). */

/** A trace event (guest/trace.ts): a code, two numbers, and `length` bytes. */
export declare function trace(code: u32, a: u32, b: u32, at: usize, length: u32): void;
