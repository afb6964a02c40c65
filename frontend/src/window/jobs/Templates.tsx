import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Job, JobTemplate } from '../../api/api';
import type { Key } from '../../i18n';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { FormRow } from './FormRow';

const names: Record<string, Key> = { daily: 'template.daily', hourly: 'template.hourly', archive: 'template.archive', laptop: 'template.laptop' };

/** Ready-made jobs to begin with; one that is chosen fills in all but the name, the databases and the places. */
export function Templates({ onBegin }: { onBegin: (from: Job, name: string) => void }) {
  const { t, texts } = useWording();
  const { data = [] } = useQuery(useAgent().questions.jobTemplates);
  const [chosen, setChosen] = useState<JobTemplate>();
  if (data.length === 0) return null; // without them the form is as good
  return (
    <FormRow label={t('template.title')} help={chosen ? texts.say(chosen.text) : t('template.help')}>
      <div className="row wrap">
        {data.map((of) => {
          const key = names[of.name];
          return (
            <button
              key={of.name}
              type="button"
              className="btn sm day"
              aria-pressed={chosen?.name === of.name}
              onClick={() => {
                setChosen(of);
                onBegin(of.job, of.name);
              }}
            >
              {key ? t(key) : of.name}
            </button>
          );
        })}
      </div>
    </FormRow>
  );
}
