/** What a watched system, a visitor or a person may put into a text. Each is tried alone and together with the others. */
export const PIECES: readonly string[] = [
  ...['<!channel>', '<!here|click>', '<!everyone>', '<@U0ADA>', '<@U0BEN|ben>', '<!subteam^S0ONCALL>'],
  ...['<!subteam^S0ONCALL|@oncall>', '<#C0LAUNCH>', '<!date^1700000000^{date}|soon>'],
  ...['@everyone', '@here', '@channel', '<@7700000000000000101>', '<@!7700000000000000102>'],
  ...['<@&7700000000000000001>', '<#7700000000000000002>', '</launch status:7700000000000000010>'],
  ...['[evilmasked](http://evil.example/a)', '<http://evil.example/b|click>', '<http://evil.example/c>'],
  ...['http://evil.example/d?<!channel>', 'https://evil.example/`e`', 'www.evil.example', 'discord.gg/evil'],
  ...['mailto:root@evil.example', 'root@evil.example', 'javascript:alert(1)', 'slack://user?team=T0TEAM'],
  ...['*evilstar*', '_evilscore_', '~eviltilde~', '**evilbold**', '__evilline__', '~~evilstrike~~'],
  ...['||evilspoiler||', '`eviltick`', '``evilticks``', '\\`evilslash`', '\\*evilescaped*'],
  ...[
    '```\nevilfence\n```',
    '```sh\nrm -rf /',
    '> evilquote',
    '>>> evilquotes',
    '# evilhead',
    '-# evilsmall',
  ],
  ...['- evilitem', '1. evilnumber', '\r\n# evilcrlf', '\u2028> evilseparator', '\u0085> evilnext'],
  ...[':rotating_light:', ':100:', '<:evil:7700000000000000009>', '<a:evil:7700000000000000009>'],
  ...['<t:1700000000:R>', '\u202eevilturn\u202c', '\u2066evilisolate\u2069', '\u061cevilmark', '\u200f'],
  ...['evil\u200bzero\u200dwidth\u2060\ufeff', 'evil\u00adhyphen', 'evil\u{e0041}tag', 'evil\u3164filler'],
  ...['nul\u0000esc\u001b[2J\u001b]0;evil\u0007', 'half\ud83d', '\udc00half', '&lt;!channel&gt; &amp;lt;'],
  "'; select pg_sleep(9); -- <script>evil()</script>",
];

export const ALL = PIECES.join(' ');

/** Lines of 100 kB: one that has an end to be missed, and one that is all mentions. */
export const LONG = `evillong ${'x'.repeat(100_000)} evilend`;
export const SHOUTS = '<!channel> @everyone <@&7700000000000000001> '.repeat(2_300);

/** A word, and what stands before it wherever the word is shown: it would be gone if it had formatted. */
export const MARKED: readonly (readonly [word: string, before: RegExp])[] = [
  ['evilmasked', /\[$/],
  ['evilstar', /\*$/],
  ['evilscore', /_$/],
  ['eviltilde', /~$/],
  ['evilbold', /\*\*$/],
  ['evilline', /__$/],
  ['evilstrike', /~~$/],
  ['evilspoiler', /\|\|$/],
  ['eviltick`', /[`ˋ]$/],
  ['evilslash', /\\[`ˋ]$/],
  ['evilescaped', /\\\*$/],
  ['evilquote ', /> $/],
  ['evilhead', /# $/],
  ['evilsmall', /-# $/],
  ['evilitem', /- $/],
];

/** Characters that nobody should be sent: they hide, turn or break what stands beside them. */
export const UNSEEN = /(?!\ufe0f)[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Surrogate}]/u;
