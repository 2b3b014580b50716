-- Since when, by whom and why a tenant is paused, where whoever wonders looks first. What the log tells, it tells on.

ALTER TABLE tenants ADD COLUMN paused_at timestamptz;
ALTER TABLE tenants ADD COLUMN paused_by text COLLATE "C";
ALTER TABLE tenants ADD COLUMN paused_why text COLLATE "C";

UPDATE tenants t SET paused_at = a.at, paused_by = a.who, paused_why = a.detail ->> 'reason'
  FROM (SELECT DISTINCT ON (tenant_id) tenant_id, at, who, detail FROM audit WHERE action = 'tenant.pause'
         ORDER BY tenant_id, at DESC, id DESC) a
 WHERE a.tenant_id = t.id AND t.state = 'paused';
