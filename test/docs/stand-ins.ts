import { builtProgram } from '../tools/sluice-process.ts';

const sluice = `exec "${process.execPath}" "${builtProgram}"`;

/** Scripts that replace programs which pages call: `first` on PATH, those that a walk must not run; `last`, those that a machine may lack. */
export const standIns = {
  first: {
    sluice: `#!/bin/sh\n${sluice} "$@"\n`,
    npm: `#!/bin/sh\n[ "$*" = start ] || exit 2\n${sluice} up\n`,
    npx: `#!/bin/sh\n[ "$1" = sluice ] || exit 2\nshift\n${sluice} "$@"\n`,
  },
  // Written in Node, with only the options that the pages use.
  last: {
    curl: `#!${process.execPath}
const [flags, options, rest] = [new Set(), { headers: {} }, process.argv.slice(2)];
let url = '';
let wanted;
while (rest.length > 0) {
  const word = rest.shift();
  if (word === '-X') options.method = rest.shift();
  else if (word === '-d') Object.assign(options, { body: rest.shift(), method: options.method ?? 'POST' });
  else if (word === '-o') rest.shift();
  else if (word === '-w') wanted = rest.shift();
  else if (word === '-H') { const [name, ...value] = rest.shift().split(':'); options.headers[name] = value.join(':').trim(); }
  else if (word.startsWith('-')) for (const flag of word.slice(1)) flags.add(flag);
  else url = word;
}
fetch(url.includes('://') ? url : 'http://' + url, options).then(async (response) => {
  if (wanted !== undefined) return console.log(wanted.replace('%{http_code}', response.status).trim());
  if (flags.has('i')) console.log('HTTP/1.1 ' + response.status);
  if (flags.has('i')) for (const [name, value] of response.headers) console.log(name + ': ' + value);
  process.stdout.write(await response.text());
});
`,
  },
};
