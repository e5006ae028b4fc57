import { RescueError } from "../../shared/errors.ts";

/** The upper halves of the consoles' code pages of Europe and America, which TextDecoder does not have (Unicode's own mapping tables). */
const UPPER_HALVES: ReadonlyMap<string, string> = new Map([
  [
    "cp437",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0",
  ],
  [
    "cp850",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00AD±‗¾¶§÷¸°¨·¹³²■\u00A0",
  ],
  [
    "cp852",
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00AD˝˛ˇ˘§÷¸°¨˙űŘř■\u00A0",
  ],
  [
    "cp858",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00AD±‗¾¶§÷¸°¨·¹³²■\u00A0",
  ],
]);
const MARK = /^(?:@chcp \d+ >nul[ \t]*\r?\n)?@rem openclaw-launcher-encoding=([\w-]{1,40})[ \t]*\r?\n/;

/**
 * A launcher of the host as text. cmd.exe reads its scripts in the console's code page, so the host writes what is not ASCII in that one,
 * and names it in a remark at the top (its `infra/windows-launcher-encoding`, 2026.9.6); older hosts wrote UTF-8. Pure.
 * @throws RescueError `service-control` for a code page that is not known here, or bytes that are not of it
 */
export function launcherText(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  const [mark = "", named] = MARK.exec(bytes.subarray(0, 200).toString("latin1")) ?? [];
  const encoding = (named ?? "utf-8").toLowerCase();
  const body = bytes.subarray(mark.length);
  const upperHalf = UPPER_HALVES.get(encoding);
  if (upperHalf !== undefined)
    return Array.from(body, (byte) => (byte < 128 ? String.fromCharCode(byte) : (upperHalf[byte - 128] ?? ""))).join("");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(body);
  } catch (error) {
    // RangeError: no such encoding; TypeError: not of it.
    if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
    throw new RescueError("service-control", `the gateway's launcher is not readable as ${encoding}`, { cause: error });
  }
}
