import { expect, it } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { reason, WarroomError } from '../../src/errors/catalogue.ts';
import { withoutHidden } from '../../src/errors/hidden.ts';

it('takes out what a library, a platform or a server echoes, in each form of it', () => {
  new Secret('https://ada:hidden-password-1@hooks.example.com/T0/hidden-path-22/in?token=hidden-query-3');
  new Secret('hidden+token/with=signs');
  for (const text of [
    'Failed to parse URL from https://ada:hidden-password-1@hooks.example.com/T0/hidden-path-22/in?token=hidden-query-3',
    'GET /T0/hidden-path-22/in answered 500',
    '{"echo":"token=hidden-query-3"}',
    'ada:hidden-password-1 was refused',
    JSON.stringify({ header: 'Bearer hidden+token/with=signs' }),
    `x?y=${encodeURIComponent('hidden+token/with=signs')}`,
  ])
    expect(withoutHidden(text)).not.toMatch(/hidden[-+]/);
  expect(withoutHidden('hooks.example.com cannot be resolved')).toBe('hooks.example.com cannot be resolved');
});

it('is applied to the words of every error and to every sentence', () => {
  new Secret('hidden-in-an-error');
  expect(reason(new TypeError('"Bot hidden-in-an-error" is an invalid header value.'))).not.toContain(
    'hidden-in-an-error',
  );
  const error = new WarroomError('BAD_ANSWER', { target: 'x', expected: 'y', problem: 'hidden-in-an-error' });
  expect(error.message).not.toContain('hidden-in-an-error');
});

it('does not repeat the text that JSON could not be read from', () => {
  try {
    JSON.parse('token=hunter2');
  } catch (thrown) {
    expect(reason(thrown)).toBe('it is not JSON');
  }
});

it('blanks a private key line by line, and shows its armour', () => {
  new Secret('-----BEGIN PRIVATE KEY-----\nMIIhidden0001aa\nMIIhidden0002bb\n-----END PRIVATE KEY-----\n');
  expect(withoutHidden('at MIIhidden0002bb')).toBe('at «secret»');
  expect(withoutHidden('-----BEGIN PRIVATE KEY-----')).toBe('-----BEGIN PRIVATE KEY-----');
});

it('of a database URL hides the password alone, as the URL writes it and as it is: roles are named in every GRANT', () => {
  new Secret(
    'postgres://warroom_act:p%40ss%2Fword-9@db1.example:5432/customer_orders?application_name=war-room-bot',
  );
  const text = withoutHidden('GRANT SELECT ON customer_orders TO warroom_act; p@ss/word-9 p%40ss%2Fword-9');
  expect(text).toBe('GRANT SELECT ON customer_orders TO warroom_act; «secret» «secret»');
  new Secret('mysql://reporting-user@db/shop?password=in-the-query-1');
  expect(withoutHidden("'reporting-user'@'%' in-the-query-1")).toBe("'reporting-user'@'%' «secret»");
});
