/** Every text of a catalogue by its path; functions are called with values that can be found again: ⟨0⟩, ⟨1⟩. */
export function texts(of: unknown, path = ""): Map<string, string> {
  if (typeof of === "string") return new Map([[path, of]]);
  if (typeof of === "function") return new Map([[path, String(of("⟨0⟩", "⟨1⟩"))]]);
  if (of === null || typeof of !== "object") throw new Error(`${path} is no text`);
  return new Map(Object.entries(of).flatMap(([key, value]) => [...texts(value, `${path}.${key}`)]));
}
