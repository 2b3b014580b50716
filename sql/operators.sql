-- add: a new operator, unless there is one of that name, across the hub
INSERT INTO operators (name, role, password_hash) VALUES (%(name)s, %(role)s, %(password_hash)s)
ON CONFLICT (name) DO NOTHING

-- all: every operator, or the one of that name, by name, across the hub
SELECT name, role, has_password, created_at, disabled_at,
       CASE WHEN locked_until > now() THEN locked_until END AS locked_until
  FROM operators
 WHERE (%(name)s::text IS NULL OR name = %(name)s)
 ORDER BY name

-- set_role: what the operator may do, across the hub
UPDATE operators SET role = %(role)s WHERE name = %(name)s

-- set_password: a new password, which also ends a ban, across the hub
UPDATE operators SET password_hash = %(password_hash)s, wrong = 0, locked_until = NULL WHERE name = %(name)s

-- set_disabled: let an operator in no more, or again, across the hub
UPDATE operators SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END WHERE name = %(name)s

-- find: who wants to log in, held until his password is judged, across the hub
SELECT name, role, password_hash, disabled, locked FROM find_operator(%(name)s)

-- note: whether the password was right, across the hub
SELECT note_operator(%(name)s, %(was_right)s)
