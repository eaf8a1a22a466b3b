/** The input that an address of the settings means. Throws one clear line when it can never be read. */
import { stat } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import { FileInput } from "./file-input.ts";
import { readTraceAddress, TRACE_FORMS, type TraceInput } from "./input.ts";
import { PipeInput } from "./pipe-input.ts";
import { TcpInput } from "./tcp-input.ts";
import { TcpListenInput } from "./tcp-listen-input.ts";

/** Nothing is opened yet, but for a look at whether a path is a file (or will be one) or a named pipe. */
export async function makeInput(text: string, clock: Clock, random: () => number): Promise<TraceInput> {
  const address = readTraceAddress(text);
  if (!address) throw new Error(`trace: ${text} is not ${TRACE_FORMS}`);
  switch (address.kind) {
    case "fd":
      return new PipeInput(text, address, clock);
    case "tcp":
      return new TcpInput(text, { ...address, clock, random });
    case "tcp-listen":
      return new TcpListenInput(text, address);
    case "path": {
      const there = await stat(address.path).catch(() => undefined);
      if (there?.isFIFO()) return new PipeInput(text, address, clock);
      if (there?.isDirectory()) throw new Error(`trace: ${text} is a folder; give the file in it`);
      return new FileInput(text);
    }
  }
}
