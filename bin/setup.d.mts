/** Types of setup.mjs for the TypeScript that uses it. */
export const ROOT: string;
export function requireNode(): void;
export function ensureDependencies(options: { dev: boolean }): Promise<void>;
export function withProgress<T>(what: string, work: () => Promise<T>): Promise<T>;
