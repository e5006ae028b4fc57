/** No shell reads any of it, and it cannot be taken for an option. */
const ID = /^[a-z0-9][\w.:-]{0,63}$/i;
const MODEL = /^[a-z0-9][\w.:@/-]{0,127}$/i;

/** Said where `ID` stands in a command in place of an id. */
export const ID_WITHHELD = "its id is not printed into a command, because it has characters that a shell would read";

/** Ids come from strangers and from users, and a command is there to be pasted. */
export function isSafeId(id: string): boolean {
  return ID.test(id);
}

export function isSafeModel(ref: string): boolean {
  return MODEL.test(ref);
}

/** As it may stand in a command; else `placeholder`, which is no id. */
export function idInCommand(id: string, placeholder = "ID"): string {
  return isSafeId(id) ? id : placeholder;
}
