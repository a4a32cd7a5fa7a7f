import { expect, it } from 'vitest';
import { redactLocation, redactPath, redactText } from '../../src/checks/redact.ts';

it.each([
  ['deploy token=hunter2 done', 'deploy token=… done'],
  ['mark "deploy token=hunter2"', 'mark "deploy token=…"'],
  ['see https://x/y?sig=hunter2&email=a@b.c', 'see https://x/y?…'],
  ['see /y?sig=hunter2 now', 'see /y?… now'],
  ['Authorization: Bearer hunter2', 'Authorization: …'],
  ['it said bearer hunter2hunter2', 'it said bearer …'],
  ['use xoxb-1111-2222-hunter2hunter2 now', 'use … now'],
  ['AKIAIOSFODNN7EXAMPLE', '…'],
  ['eyJhbGciOi.eyJzdWIiOiIx.hunter2', '…'],
  ['https://hooks.slack.com/services/T0/B0/hunter2', 'https://…'],
  ['key -----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- end', 'key … end'],
])('blanks the form of a secret in a text: %j', (text, shown) => {
  expect(redactText(text)).toBe(shown);
});

it.each([
  'fix cache-rule service=edge form=ttl pattern=/legacy/ share=0.3 paths=/legacy/a.html,/legacy/b.html',
  'silence host.load@web1 30m "load test, tests passed: 12"',
  'mark "author: Ada, basic checks done, v2 out"',
  'host web1 processes',
])('leaves a command as it was typed: %j', (text) => {
  expect(redactText(text)).toBe(text);
});

it.each([
  ['/cart;jsessionid=hunter2', '/cart;…'],
  ['/cart;jsessionid=hunter2/more?x=hunter2', '/cart;…/more'],
  ['http://ada:hunter2@shop/cart?x=hunter2', '/cart'],
  ['/login%3Ftoken=hunter2', '/login%3F…'],
  ['/reset/token=hunter2', '/reset/token=…'],
  ['/legacy/shoe-01.html', '/legacy/shoe-01.html'],
])('shows the path of a request alone: %j', (url, shown) => {
  expect(redactPath(url)).toBe(shown);
});

it.each([
  ['/product/1#access_token=hunter2', '/product/1?…'],
  ['https://ada:hunter2@shop/1?token=hunter2', 'https://shop/1?…'],
  ['/product/1', '/product/1'],
])('shows where a redirect goes: %j', (url, shown) => {
  expect(redactLocation(url).replace('ada:…@', '')).toBe(shown);
});
