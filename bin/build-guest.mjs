/** `npm run build`: compiles the guest modules that are stale to build/guest. */
import { ensureDependencies, requireNode } from "./setup.mjs";

requireNode();
await ensureDependencies({ dev: false });
const { register } = await import("tsx/esm/api");
register();
const { compileImage, guestModulePath } = await import("../infra/image/compile-guest.ts");
try {
  await compileImage((name, outcome) => process.stdout.write(`${guestModulePath(name)}: ${outcome}\n`));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
