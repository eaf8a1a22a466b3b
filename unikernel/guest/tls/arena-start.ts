/**
 * Where this compartment's arena begins: the door's entry imports this file first, so that its `wipe` can zero all that was
 * ever allocated. (Modules are initialised in the order of their imports; a test scans the memory to prove it.)
 */
import { mark } from "arena";

export const ARENA_START = mark();
