import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // What is polled for comes at once or late on a busy machine: patience costs nothing where nothing is wrong.
    expect: { poll: { timeout: 60_000 } },
    include: ["test/**/*.test.{ts,tsx}"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});
