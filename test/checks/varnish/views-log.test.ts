import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { varnish } from '../../../src/checks/varnish/index.ts';
import { parseRequests, vslQuery } from '../../../src/checks/varnish/views-log.ts';
import { WarroomError } from '../../../src/errors/catalogue.ts';
import { contextOf, placeOf, stackOf } from './judge.ts';
import { httpStatus, missing, Servers } from './servers.ts';

describe('a query of the log', () => {
  test('is written anew, with its values quoted', () => {
    for (const [asked, written] of [
      ['', ''],
      ["RespStatus >= 500 and ReqURL ~ '^/cart'", 'RespStatus >= 500 and ReqURL ~ "^/cart"'],
      [
        '(ReqMethod eq POST or not Hit) and Timestamp:Resp[2] > 0.5',
        '( ReqMethod eq "POST" or not Hit ) and Timestamp:Resp[2] > 0.5',
      ],
      ['ReqHeader:Host eq www.example.com', 'ReqHeader:Host eq "www.example.com"'],
      ['{2+}BerespStatus == 503', '{2+}BerespStatus == 503'],
    ] as const)
      expect(vslQuery(asked)).toBe(written);
  });
  test('asks about no secret, in whatever way it is put', () => {
    for (const asked of [
      'ReqHeader:Cookie ~ abc',
      'ReqHeader:Authorization ~ abc',
      'RespHeader:Set-Cookie ~ a',
      'ReqHeader:X-Api-Key eq 1',
      'ReqHeader ~ sessionid',
      'Req* ~ sessionid',
      '*Header ~ sessionid',
      'ReqHeader:* ~ x',
      'VSL ~ x',
      'ReqHeader,ReqURL ~ x',
    ])
      expect(() => vslQuery(asked), asked).toThrow(WarroomError);
  });
  test('of any text is refused, or names nothing but what may be asked about', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        let query = '';
        try {
          query = vslQuery(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(WarroomError);
          return;
        }
        expect(query.replace(/"[^"]*"/g, '')).not.toMatch(/cookie|authorization|\*|["'`$;|&]/i);
      }),
      { numRuns: 1000 },
    );
  });
  test('its answer is read whatever stands in it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseRequests(text)));
  });
});

const why = missing('varnish', 'uwsgi');
describe.skipIf(why)(`the view of a real log ${why ?? ''}`, () => {
  const servers = new Servers();
  let edge: Awaited<ReturnType<Servers['varnish']>>;
  const view = varnish.views.find((one) => one.name === 'log');
  const show = (text: string) =>
    view?.show(
      contextOf(
        placeOf(
          stackOf({
            edge: { kind: 'varnish', on: 'here', url: 'http://shop.test', instance: edge.instance },
          }),
          'edge',
        ),
      ),
      text.split(' ').filter(Boolean),
    );
  beforeAll(async () => {
    const app = await servers.uwsgi();
    edge = await servers.varnish(app.port);
    await httpStatus(edge.port, '/product/1?token=hunter2');
    await httpStatus(edge.port, '/product/1', {
      headers: { Cookie: 'sid=hunter2', Authorization: 'Basic aHVudGVyMg==' },
    });
    await httpStatus(edge.port, "/$(touch%20x)';reboot", { headers: { Host: '<!channel>' } });
    await httpStatus(edge.port, '/nowhere/1', { method: 'POST' });
    await httpStatus(edge.port, '/fail');
  });
  afterAll(() => servers.stop());

  test('shows the newest requests with what Varnish did, and no secret', async () => {
    const shown = await show('');
    expect(shown?.map((one) => one.kind === 'table' && one.title)).toEqual([
      'GET /fail 503',
      'POST /nowhere/1 404',
      "GET /$(touch%20x)';… 200",
      'GET /product/1 200',
      'GET /product/1 200',
    ]);
    expect(JSON.stringify(shown)).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(shown?.[1]).toMatchObject({ rows: expect.arrayContaining([['·BeReq', 'BerespStatus', '404']]) });
  });
  test('shows those that a query names, and says when none does, or when it is none', async () => {
    expect(await show('RespStatus >= 500')).toMatchObject([{ title: 'GET /fail 503' }]);
    expect(await show("ReqURL ~ ^/product and not VCL_call eq 'x'")).toHaveLength(2);
    expect(await show("ReqMethod eq 'DELETE'")).toMatchObject([
      { kind: 'note', text: expect.stringContaining('No request') },
    ]);
    await expect(show("ReqURL ~ '('")).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(show('( RespStatus == 200')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(show('ReqHeader:Cookie ~ a')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
