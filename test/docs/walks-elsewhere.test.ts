import { fromElsewhere } from './page-groups.ts';
import { walkPages } from './walk-pages.ts';

walkPages(fromElsewhere);
