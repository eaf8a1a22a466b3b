/**
 * `npm start`: the same as `pinata start`. Options go after `--`, e.g. `npm start -- --web-port 9000`.
 * npm does not pass a signal on to what it runs, only to the shell between: when that has ended, so does this.
 */
const shell = process.ppid;
if (process.env.npm_lifecycle_event === "start") {
  const looking = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(looking);
    process.kill(process.pid, "SIGTERM");
  }, 500).unref();
}

process.argv.splice(2, 0, "start");
await import("./pinata.mjs");
