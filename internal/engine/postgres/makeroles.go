package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// makeRoles makes the roles the backup speaks of and the server lacks: without
// them, owners, grants, default privileges and policies would be lost, a grant
// even for the roles that exist. They cannot log in and have no rights of their
// own, so nothing is opened by making them.
func (r *restorer) makeRoles(ctx context.Context) error {
	has, missing, err := r.missingRoles(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	byName := map[string]role{}
	for _, o := range r.roles {
		if !has[string(o.Name)] {
			byName[string(o.Name)] = o
		}
	}
	if r.target.SkipRoles {
		r.warn(ErrRolesMissing.Because(nil, "roles", strings.Join(missing, ", ")))
		return nil
	}
	for _, name := range missing {
		inherit := " NOINHERIT"
		if byName[name].Inherit {
			inherit = " INHERIT"
		}
		err := r.admin.exec(ctx, "CREATE ROLE "+ident(name)+" NOLOGIN"+inherit)
		if pgCode(err) == codePrivilege {
			r.warn(ErrRolesMissing.Because(err, "roles", strings.Join(missing, ", ")))
			return nil
		}
		if err != nil {
			return fmt.Errorf("make role %s: %w", name, err)
		}
		r.made = append(r.made, name)
	}
	if err := r.joinRoles(ctx, byName, has); err != nil {
		return err
	}
	r.warn(ErrRolesMade.Because(nil, "roles", strings.Join(missing, ", ")))
	return nil
}

// missingRoles compares the roles the backup speaks of with those of the server.
func (r *restorer) missingRoles(ctx context.Context) (has map[string]bool, missing []string, err error) {
	rows, err := r.admin.query(ctx, "SELECT rolname FROM pg_catalog.pg_roles")
	if err != nil {
		return nil, nil, fmt.Errorf("list roles: %w", err)
	}
	has = make(map[string]bool, len(rows))
	for _, row := range rows {
		has[row.str(0)] = true
	}
	for _, o := range r.roles {
		if !has[string(o.Name)] {
			missing = append(missing, string(o.Name))
		}
	}
	return has, missing, nil
}

// checkRoles warns of roles that the restore would make, or could not.
func (r *restorer) checkRoles(ctx context.Context) error {
	_, missing, err := r.missingRoles(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	warning := ErrRolesMade
	if r.target.SkipRoles || !r.createsRoles {
		warning = ErrRolesMissing
	}
	r.warn(warning.Because(nil, "roles", strings.Join(missing, ", ")))
	return nil
}

// joinRoles makes the new roles members of what they were members of, as far as
// those are new too: an existing role's rights are not handed out.
func (r *restorer) joinRoles(ctx context.Context, made map[string]role, has map[string]bool) error {
	for name, o := range made {
		for _, g := range o.MemberOf {
			if _, ok := made[string(g)]; !ok || has[string(g)] {
				continue
			}
			if err := r.admin.exec(ctx, "GRANT "+ident(g)+" TO "+ident(name)); err != nil {
				return fmt.Errorf("make %s a member of %s: %w", name, g, err)
			}
		}
	}
	return nil
}

// dropRoles removes the roles made for a restore that failed.
func (r *restorer) dropRoles(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, name := range r.made {
		if err := r.admin.exec(ctx, "DROP ROLE IF EXISTS "+ident(name)); err != nil {
			errs = append(errs, fmt.Errorf("remove role %s: %w", name, err))
		}
	}
	r.made = nil
	return errors.Join(errs...)
}
