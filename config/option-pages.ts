import * as z from 'zod';
import { restartOnly } from '../src/assembly/restart-only.ts';
import { configSchema } from '../src/config/config-schema.ts';
import { variableName } from '../src/config/variables.ts';
import { project } from '../src/model/project.ts';
import { policyTypes } from '../src/policies/index.ts';
import { defaultOf, groupsOf, type JsonSchema, type Option, type OptionGroup, tableOf, typeOf } from './option-tables.ts';

/** Where the table of one policy's settings stands in docs/policies.md. */
const policyTable = /(<!-- settings of (\w+): npm run schema -->\n)[\s\S]*?(<!-- end -->)/g;

/** docs/options.md: every option of a balancer's configuration and of a project, from the schemas that check them. */
export function optionsPage(): string {
  const configuration = groupsOf(jsonSchemaOf(configSchema));
  const environments = (group: OptionGroup) => group.path[0] === 'environments';
  return [
    heading,
    ...configuration.filter((group) => !environments(group)).flatMap(ofBalancer),
    environmentHeading,
    ...configuration.filter(environments).flatMap((group) => ofEnvironment({ ...group, path: group.path.slice(2) })),
    projectHeading,
    ...groupsOf(jsonSchemaOf(project)).flatMap(ofProject),
  ]
    .join('\n\n')
    .concat('\n');
}

/** docs/policies.md with the tables of settings as they are now. Throws if it names a policy that does not exist. */
export function policiesPage(present: string): string {
  return present.replace(policyTable, (_whole, begin: string, name: string, end: string) => {
    const type = policyTypes.get(name);
    if (type === undefined) throw new Error(`docs/policies.md has a table for the policy ${name}, which does not exist`);
    const rows = groupsOf(jsonSchemaOf(type.settings)).flatMap(({ options }) => options.map((option) => rowOf(option)));
    return `${begin}\n${tableOf(['setting', 'value', 'default', 'meaning'], rows)}\n\n${end}`;
  });
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) as JsonSchema;
  const name = made.$ref?.replace('#/definitions/', '');
  return name === undefined ? made : { ...made.definitions?.[name], definitions: made.definitions ?? {} };
}

function ofBalancer(group: OptionGroup): string[] {
  const rows = group.options.map((option) => {
    const [top = ''] = option.path;
    return rowOf(option, variableName(option.path), restartOnly.some((one) => one === top) ? 'restart' : 'live');
  });
  return sectionOf(group, '##', ['option', 'value', 'default', 'change', 'meaning'], rows);
}

function ofEnvironment(group: OptionGroup): string[] {
  const rows = group.options.map((option) => {
    const path = option.path.slice(2);
    const isOneValue = !path.includes('[]') && option.schema.type !== 'array' && option.schema.type !== 'object';
    return rowOf({ ...option, path }, isOneValue ? variableName(['environments', 'production', ...path]) : undefined);
  });
  return sectionOf(group, '###', ['option', 'value', 'default', 'meaning'], rows);
}

function ofProject(group: OptionGroup): string[] {
  return sectionOf(
    group,
    '###',
    ['option', 'value', 'default', 'meaning'],
    group.options.map((option) => rowOf(option)),
  );
}

function sectionOf({ path, schema, options }: OptionGroup, level: string, headings: string[], rows: string[][]): string[] {
  if (options.length === 0) return [];
  const title = path.length === 0 ? [] : [`${level} ${written(path)}`, sentence(schema.description ?? '')];
  return [...title, tableOf(headings, rows)];
}

function rowOf(option: Option, variable?: string, change?: string): string[] {
  const name = `\`${written(option.path)}\`${variable === undefined ? '' : `<br>\`${variable}\``}`;
  const { description = '' } = option.schema;
  return [name, typeOf(option.schema), defaultOf(option), ...(change === undefined ? [] : [change]), sentence(description)];
}

function written(path: readonly string[]): string {
  return path.join('.').replaceAll('.[]', '[]');
}

/** With a full stop, and a capital unless a value such as `true: …` begins it; what HTML would swallow is masked. */
function sentence(text: string): string {
  const masked = text.replace(/<(\w+)>/g, '&lt;$1&gt;').replace(/^[a-z]+(?= )/, (word) => word.charAt(0).toUpperCase() + word.slice(1));
  return masked === '' ? '' : `${masked}.`;
}

const heading = `# Options

<!-- Made by \`npm run schema\` from the schemas that check the files: change those, not this page. -->

Every option of a balancer's configuration file and of a project file, as the program itself knows them. Unknown keys are refused, and so is
a value that does not fit: \`sluice config check FILE\` and \`sluice project validate FILE\` name every fault with its line.

- **time** is a number with \`ms\`, \`s\`, \`m\` or \`h\`: \`250ms\`, \`2s\`, \`5m\`; \`0\` is none.
- **variable**: what stands under an option is the environment variable that gives it, over the file. In those of an environment its name stands
  for \`PRODUCTION\`, in capitals, other characters than letters and digits as \`_\`; it must be in the file, or be \`production\` without a file.
- **change**: \`live\` options are taken over at SIGHUP ([signals](workers.md#signals-to-sluice-serve)); \`restart\` ones when the balancer is
  started again. Everything of an environment is live, at SIGHUP and by the admin API; everything of a project is live with its deployment.

Gateway servers have no file: what they take stands in [cli.md](cli.md) and \`sluice gateway --help\`. Settings of policies: [policies.md](policies.md).

## Balancer`;

const environmentHeading = `## Environment

Under \`environments.NAME\` in the file; the same as body of \`PUT /v1/environments/NAME\` and in a file for \`sluice env create NAME --file FILE\`.`;

const projectHeading = `## Project

A file of its own, for \`sluice project push\`. \`policies\`, for the whole project or for one resource, are lists at four points:
\`proxyRequest\`, \`targetRequest\`, \`targetResponse\`, \`proxyResponse\` ([policies.md](policies.md)).`;
