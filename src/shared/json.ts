import { asObject, type JsonObject } from "./gateway-config.ts";

/** An object in a JSON text; an empty one where the text is no JSON, or no object. */
export function jsonObject(text: unknown): JsonObject {
  try {
    return asObject(JSON.parse(String(text)));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
