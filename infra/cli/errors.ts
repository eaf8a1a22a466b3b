/** Errors that a person can act on: shown as one line, without a stack. Anything else that is thrown is a bug of ours. */

/** The command line or a file given by the user is wrong: nothing was done. Exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly exitCode: number = 2;
}

/** The command was right, but what it needs is not there or said no. Exit code 1. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly exitCode: number = 1;
}
