/**
 * A child process of the web benchmark: started with tsx, spoken to over IPC one question at a time. Servers and loads are
 * processes of their own, so that what one core can do is measured and not what they leave each other.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Child {
  /** Sends a question and waits for its answer. Throws when the child ends instead. */
  ask<T>(question: object): Promise<T>;
  stop(): Promise<void>;
}

/** Starts `test/bench/web/NAME.ts`. */
export function startChild(name: "server" | "load" | "viewers"): Child {
  const child = fork(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), {
    execArgv: ["--expose-gc", "--import", import.meta.resolve("tsx")],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  return {
    ask<T>(question: object) {
      return new Promise<T>((resolve, reject) => {
        const ended = (code: number | null) => reject(new Error(`the benchmark's ${name} ended with ${code}`));
        child.once("exit", ended);
        child.once("message", (answer) => {
          child.off("exit", ended);
          const { error } = answer as { error?: string };
          if (error === undefined) resolve(answer as T);
          else reject(new Error(`${name}: ${error}`));
        });
        child.send(question);
      });
    },
    stop: () => stopped(child),
  };
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** The child's side: answers each question with what `answer` returns. Ends with its parent. */
export function answerQuestions<Q>(answer: (question: Q) => Promise<object> | object): void {
  process.on("message", (question) => {
    void Promise.resolve()
      .then(() => answer(question as Q))
      .catch((error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }))
      .then((reply) => process.send?.(reply));
  });
  process.on("disconnect", () => process.exit(0));
}
