/** Runs a program of the constant-time checks to its end; it never outlives this process. */
import { spawn } from "node:child_process";

/** The message has what the program said. */
export class ProgramError extends Error {
  override name = "ProgramError";
}

/** A program's output for `input`. Throws {@link ProgramError} when it fails. */
export function output(program: string, args: string[], input: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    const stop = () => child.kill("SIGKILL");
    process.once("exit", stop);
    const out: Buffer[] = [];
    let says = "";
    child.stdout.on("data", (chunk: Buffer) => void out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      says += chunk.toString();
    });
    child.stdin.on("error", () => {}); // the program ended early: its exit code says so
    child.stdin.end(input);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      process.off("exit", stop);
      const all = Buffer.concat(out);
      if (code === 0) return resolve(all);
      const end = all.toString().slice(-2000);
      reject(new ProgramError(`${program} ${args.slice(-2).join(" ")} ended with ${code ?? signal}: ${says}\n${end}`));
    });
  });
}
