#!/usr/bin/env node
/** The `pinata` command: checks Node and dependencies, then hands over to infra/cli (TypeScript, run through tsx). */
import { ensureDependencies, requireNode } from "./setup.mjs";

requireNode();
await ensureDependencies({ dev: false });
const { register } = await import("tsx/esm/api");
register();
await import("../infra/cli/main.ts");
