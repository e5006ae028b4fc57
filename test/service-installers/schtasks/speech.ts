/**
 * What schtasks and taskkill say, in the bytes of each console: code page 437 (ASCII here), 850 for German, 932 for Japanese. The words are
 * those of users' reports and of Windows' own message tables, not recorded by us: no test may depend on them, which is the point.
 */
export const SPEECH = {
  en: {
    accessDenied: Buffer.from("ERROR: Access is denied.\r\n"),
    noFile: Buffer.from("ERROR: The system cannot find the file specified.\r\n"),
    noProcess: Buffer.from('ERROR: The process "4711" not found.\r\n'),
    killed: Buffer.from("SUCCESS: The process with PID 4711 has been terminated.\r\n"),
    created: Buffer.from('SUCCESS: The scheduled task "T" has successfully been created.\r\n'),
    runTried: Buffer.from('SUCCESS: Attempted to run the scheduled task "T".\r\n'),
    ended: Buffer.from('SUCCESS: The scheduled task "T" has been terminated successfully.\r\n'),
    deleted: Buffer.from('SUCCESS: The scheduled task "T" was successfully deleted.\r\n'),
  },
  de: {
    accessDenied: Buffer.from("FEHLER: Zugriff verweigert\r\n"),
    noFile: Buffer.from("FEHLER: Das System kann die angegebene Datei nicht finden.\r\n"),
    noProcess: Buffer.from('FEHLER: Der Prozess "4711" wurde nicht gefunden.\r\n'),
    killed: Buffer.from("ERFOLGREICH: Der Prozess mit PID 4711 wurde beendet.\r\n"),
    created: Buffer.from('ERFOLGREICH: Die geplante Aufgabe "T" wurde erfolgreich erstellt.\r\n'),
    // `auszuführen`, with the ü of code page 850.
    runTried: Buffer.from('ERFOLGREICH: Es wurde versucht, die geplante Aufgabe "T" auszuf\x81hren.\r\n', "latin1"),
    ended: Buffer.from('ERFOLGREICH: Die geplante Aufgabe "T" wurde erfolgreich beendet.\r\n'),
    deleted: Buffer.from('ERFOLGREICH: Die geplante Aufgabe "T" wurde erfolgreich gel\x94scht.\r\n', "latin1"),
  },
  ja: {
    // エラー: アクセスが拒否されました。
    accessDenied: Buffer.from("83478389815b3a208341834e835a835882aa8b9194db82b382ea82dc82b582bd81420d0a", "hex"),
    // エラー: 指定されたファイルが見つかりません。
    noFile: Buffer.from("83478389815b3a208e7792e882b382ea82bd837483408343838b82aa8ca982c282a982e882dc82b982f181420d0a", "hex"),
    // エラー: プロセス "4711" が見つかりませんでした。
    noProcess: Buffer.from("83478389815b3a208376838d835a8358202234373131222082aa8ca982c282a982e882dc82b982f182c582b582bd81420d0a", "hex"),
    // 成功: PID 4711 のプロセスは強制終了されました。
    killed: Buffer.from("90ac8cf73a2050494420343731312082cc8376838d835a835882cd8bad90a78f4997b982b382ea82dc82b582bd81420d0a", "hex"),
    // 成功: スケジュール タスク "T" は正しく作成されました。
    created: Buffer.from(
      "90ac8cf73a208358835083578385815b838b20835e8358834e202254222082cd90b382b582ad8dec90ac82b382ea82dc82b582bd81420d0a",
      "hex",
    ),
    // 成功: スケジュール タスク "T" の実行が試行されました。
    runTried: Buffer.from(
      "90ac8cf73a208358835083578385815b838b20835e8358834e202254222082cc8ec08d7382aa8e8e8d7382b382ea82dc82b582bd81420d0a",
      "hex",
    ),
    // 成功: スケジュール タスク "T" は正しく終了しました。
    ended: Buffer.from(
      "90ac8cf73a208358835083578385815b838b20835e8358834e202254222082cd90b382b582ad8f4997b982b582dc82b582bd81420d0a",
      "hex",
    ),
    // 成功: スケジュール タスク "T" は正しく削除されました。
    deleted: Buffer.from(
      "90ac8cf73a208358835083578385815b838b20835e8358834e202254222082cd90b382b582ad8ded8f9c82b382ea82dc82b582bd81420d0a",
      "hex",
    ),
  },
} as const satisfies Record<string, Record<string, Buffer>>;
