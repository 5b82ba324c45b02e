import { readFileSync, writeFileSync } from 'node:fs';
import { apiDescription } from './api-description.ts';
import { jsonSchemas } from './json-schemas.ts';
import { optionsPage, policiesPage } from './option-pages.ts';
import { settingsTypes } from './settings-types.ts';

const docs = new URL('../docs/', import.meta.url);

for (const [file, text] of Object.entries(jsonSchemas())) writeFileSync(new URL(file, import.meta.url), text);
writeFileSync(new URL('openapi.json', import.meta.url), await apiDescription());
writeFileSync(new URL('options.md', docs), optionsPage());
const policies = new URL('policies.md', docs);
writeFileSync(policies, policiesPage(readFileSync(policies, 'utf8')));
writeFileSync(new URL('../src/settings.ts', import.meta.url), await settingsTypes());
