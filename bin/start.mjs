/** `npm start`: the same as `pinata start`. Options go after `--`, e.g. `npm start -- --web-port 9000`. */
process.argv.splice(2, 0, "start");
await import("./pinata.mjs");
