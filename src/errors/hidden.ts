const SHOWN = '«secret»';
/** Shorter values would blank words that everybody may read. */
const SHORTEST = 8;

const values = new Set<string>();
let pattern: RegExp | undefined;

/**
 * The last line against a secret in a text: what a library, a platform or a server said may hold what it was given.
 * A value is known in each form in which it may come back: whole, line by line, the telling parts of a URL, and all
 * of these as JSON and as a part of a URL write them.
 */
export function hide(secret: string): void {
  const before = values.size;
  for (const form of [secret, ...secret.split(/[\r\n]+/), ...partsOfUrl(secret)].map((one) => one.trim()))
    for (const written of [form, JSON.stringify(form).slice(1, -1), encodeURIComponent(form)])
      if (written.length >= SHORTEST && !/^-----(BEGIN|END) [A-Z ]+-----$/.test(form)) values.add(written);
  if (values.size !== before) pattern = undefined;
}

/** The text without the value of any secret that this process has read. */
export function withoutHidden(text: string): string {
  if (values.size === 0) return text;
  // The longest first: a URL goes whole before its parts do.
  pattern ??= new RegExp(
    [...values]
      .sort((a, b) => b.length - a.length)
      .map(literal)
      .join('|'),
    'g',
  );
  return text.replace(pattern, SHOWN);
}

/** Schemes whose URL says nothing secret but the password: roles, databases and options are named in every GRANT. */
const SERVERS = /^(postgres|postgresql|mysql|mariadb|redis|rediss|redis\+socket|amqp|amqps|memcached)$/i;

/** User and password, each piece of the path and each value of the query; never the server's name. */
function partsOfUrl(text: string): string[] {
  const [, scheme = '', userInfo = '', path = '', query = ''] =
    /^([a-z][a-z0-9+.-]*):\/\/(?:([^\s/?#]*)@)?[^/?#]*([^?#]*)(?:[?#](.*))?$/is.exec(text) ?? [];
  if (SERVERS.test(scheme)) {
    const password = userInfo.includes(':') ? userInfo.slice(userInfo.indexOf(':') + 1) : '';
    const given = /(?:^|&)password=([^&]*)/i.exec(query)?.[1] ?? '';
    return [password, decoded(password), given, decoded(given)];
  }
  const telling = [...path.split('/'), ...query.split(/[&#]/).map((pair) => pair.replace(/^[^=]*=/, ''))];
  return [userInfo, ...userInfo.split(':'), ...telling.filter((part) => part.length >= 12)];
}

/** A driver says a password as it is, not as a URL writes it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
