/** Programs under the supervisor: ready or not, started again, ended, and gone with their parent. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { CommandError } from "../../../../infra/cli/errors.ts";
import { createSupervisor, type Program, type Supervisor } from "../../../../infra/cli/start/supervisor.ts";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { isRunning } from "../../../../infra/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-supervisor-"));
const logs = join(folder, "logs");
const readyMessage = z.object({ pid: z.number(), args: z.array(z.string()) });
type Ready = z.infer<typeof readyMessage>;
let supervisor: Supervisor | undefined;
afterEach(() => supervisor?.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Says that it is ready, and stays until its parent is gone, as all our programs do. */
const STAYS = `
  process.send({ pid: process.pid, args: process.argv.slice(2) });
  process.on("disconnect", () => process.exit());
`;
let count = 0;
function program(code: string, name = "the clown"): Program<Ready> {
  const file = join(folder, `program-${++count}.mjs`);
  writeFileSync(file, code);
  return {
    name,
    entry: relative(ROOT, file),
    args: (before) => (before === undefined ? ["first"] : ["again", String(before.pid)]),
    ready: (message) => readyMessage.parse(message),
  };
}

function supervise(): string[] {
  const said: string[] = [];
  supervisor = createSupervisor(logs, (line) => said.push(line));
  return said;
}

describe("a program", () => {
  it("is run with its arguments, and ended", async () => {
    const said = supervise();
    const { pid, args } = await supervisor!.run(program(STAYS));
    expect(args).toEqual(["first"]);
    await supervisor!.stop();
    expect(isRunning(pid)).toBe(false);
    expect(said).toEqual([]);
  });

  it.each([
    ["its last words", 'console.error("warning: tired"); console.error("the circus is closed"); process.exit(3)'],
    ["its exit code, when it has no words", "process.exit(3)"],
  ])("that does not start is told with %s", async (what, code) => {
    supervise();
    const error: unknown = await supervisor!.run(program(code)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).message).toBe(
      `the clown does not start: ${what === "its last words" ? "the circus is closed" : "exit 3"}`,
    );
  });

  it("that says something else than agreed is not taken for ready", async () => {
    supervise();
    await expect(supervisor!.run(program(`process.send({ hello: 1 }); setInterval(() => {}, 1e6);`))).rejects.toThrow();
  });

  it("keeps what it says in a log", async () => {
    supervise();
    await supervisor!.run(program(`console.error("honk");${STAYS}`, "the loud one"));
    await supervisor!.stop();
    await expect.poll(() => readFileSync(join(logs, "the-loud-one.log"), "utf8")).toBe("honk\n");
  });

  it("is named there in letters that every keyboard has", async () => {
    supervise();
    await supervisor!.run(program(`console.error("honk");${STAYS}`, "the piñata"));
    await supervisor!.stop();
    await expect.poll(() => readFileSync(join(logs, "the-pinata.log"), "utf8")).toBe("honk\n");
  });

  it("is heard when it tells something, before it is ready and after", async () => {
    const said = supervise();
    const tells = (what: string) => `process.send({ tell: ${JSON.stringify(what)} });`;
    await supervisor!.run(program(`${tells("soon")}${STAYS}${tells("the lion is out")}process.send({ roar: 1 });`));
    await expect.poll(() => said, { timeout: 30_000 }).toEqual(["the clown: soon", "the clown: the lion is out"]);
  });

  it("that dies is started again with what it said before", async () => {
    const said = supervise();
    const { pid } = await supervisor!.run(program(`console.error(process.argv.slice(2).join(" "));${STAYS}`));
    process.kill(pid, "SIGKILL");
    await expect.poll(() => said, { timeout: 30_000 }).toContain("the clown is back");
    expect(said).toEqual([
      "the clown said: first",
      "the clown ended (SIGKILL); starting it again in 1 s",
      "the clown is back",
    ]);
    expect(readFileSync(join(logs, "the-clown.log"), "utf8")).toContain(`again ${pid}`);
  });

  it("that could not be made a process is tried again too", async () => {
    const said = supervise();
    const { pid } = await supervisor!.run(program(STAYS));
    const node = process.execPath;
    try {
      process.execPath = join(folder, "no-such-node");
      process.kill(pid, "SIGKILL");
      await expect.poll(() => said.at(-1), { timeout: 30_000 }).toMatch(/^the clown does not start: .*ENOENT/);
    } finally {
      process.execPath = node;
    }
    await expect.poll(() => said.at(-1), { timeout: 30_000 }).toBe("the clown is back");
  });

  it("that dies while all is ended stays dead", async () => {
    const said = supervise();
    const { pid } = await supervisor!.run(program(STAYS));
    process.kill(pid, "SIGKILL");
    await supervisor!.stop();
    expect(isRunning(pid)).toBe(false);
    expect(said.filter((line) => line.endsWith("is back"))).toEqual([]);
  });

  it("that is deaf is ended by force", async () => {
    supervise();
    const { pid } = await supervisor!.run(program(`process.on("SIGTERM", () => {});${STAYS}`));
    await supervisor!.stop();
    expect(isRunning(pid)).toBe(false);
  });

  it("ends by itself when its parent is killed", async () => {
    const { entry } = program(STAYS);
    const parent = `
      import { createSupervisor } from ${JSON.stringify(join(ROOT, "infra/cli/start/supervisor.ts"))};
      const supervisor = createSupervisor(${JSON.stringify(logs)}, () => {});
      const ready = (message: unknown) => message as { pid: number };
      void supervisor.run({ name: "child", entry: ${JSON.stringify(entry)}, args: () => [], ready }).then(({ pid }) => console.log(pid));
    `;
    const file = join(folder, "parent.mts");
    writeFileSync(file, parent);
    const child = spawn(process.execPath, ["--import", "tsx", file], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => {
      child.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
    });
    expect(isRunning(pid)).toBe(true);
    child.kill("SIGKILL");
    await expect.poll(() => isRunning(pid), { timeout: 30_000 }).toBe(false);
  });
});
