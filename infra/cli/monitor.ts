/** `pinata monitor`: the monitor alone, with the monitor's own flags; it runs until SIGINT or SIGTERM. */
import { monitorCommand } from "../../monitor/main.ts";

/** `flags`: as the monitor's; the environment counts as it does there. */
export async function monitor(flags: string[]): Promise<void> {
  await monitorCommand(flags);
}
