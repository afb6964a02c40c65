import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useWording } from '../i18n/react';

/** A dialog over the page: a title, what there is to say or fill in, and its buttons, the decisive one last. */
export function Dialog({ title, onClose, children, footer, onSubmit }: { title: ReactNode; onClose: () => void; children: ReactNode; footer: ReactNode; onSubmit?: () => void }) {
  const { t } = useWording();
  return (
    <Modal opened onClose={onClose} title={title} size={480} centered closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          e.stopPropagation(); // React tells it to the form that the dialog was opened from, too
          onSubmit?.();
        }}
      >
        <div className="dialog-b">{children}</div>
        <div className="dialog-f">{footer}</div>
      </form>
    </Modal>
  );
}
